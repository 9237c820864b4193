using System.Diagnostics;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;

namespace Patchbay.Cni.Runtime;

/// <summary>Executes plugins for a runtime: finds the file, sets the variables, hands on standard error, tells the observer.</summary>
/// <param name="runtime">Its settings.</param>
internal sealed class PluginRunner(CniRuntime runtime)
{
    /// <summary>A plugin that was found.</summary>
    internal readonly record struct Found(NetworkPlugin Plugin, string Path);

    internal Found Find(NetworkPlugin plugin) => new(plugin, FindFile(plugin.Type));

    internal string FindFile(string type) => PluginFinder.Find(type, runtime.PluginPath, FileIdentity.Of);

    /// <summary>Runs a plugin of a network.</summary>
    /// <returns>What it printed on standard output.</returns>
    /// <exception cref="CniException">Its error.</exception>
    internal ReadOnlyMemory<byte> Run(
        Found found, CniCommand command, NetworkList list, Attachment? attachment, JsonText.Additions additions, CancellationToken cancellation)
    {
        Dictionary<string, string> variables = new(StringComparer.Ordinal)
        {
            ["CNI_COMMAND"] = command.ToText(),
            ["CNI_CONTAINERID"] = attachment?.ContainerId ?? "",
            ["CNI_NETNS"] = attachment?.NetnsPath ?? "",
            ["CNI_IFNAME"] = attachment?.IfName ?? "",
            ["CNI_ARGS"] = attachment?.ArgsText ?? "",
            ["CNI_PATH"] = string.Join(':', runtime.PluginPath),
        };
        return PluginProcess.Output(Execute(found.Plugin.Type, found.Path, variables, JsonText.ForPlugin(list, found.Plugin, additions), cancellation));
    }

    /// <summary>Runs any plugin with any variables.</summary>
    /// <returns>How it ended.</returns>
    internal ChildResult Execute(string type, string path, Dictionary<string, string> variables, ReadOnlyMemory<byte> input, CancellationToken cancellation)
    {
        foreach ((string name, string value) in TraceContext.Current())
            variables[name] = value;
        Dictionary<string, string> all = new(StringComparer.Ordinal);
        foreach ((string name, string value) in runtime.Variables().Concat(variables))
            all[name] = value;

        ChildResult? child = null;
        long start = Stopwatch.GetTimestamp();
        try
        {
            child = FileIdentity.Of(path) == FileIdentity.Of("/proc/self/exe") && runtime.BuiltIn(type) is { } plugin
                ? Call(plugin, all, input)
                : new PluginProcess(type, path, runtime.Limit, "the runtime's limit").Execute(all, input, cancellation);
        }
        finally
        {
            runtime.Observer?.Invoke(new PluginCall(type, path, variables, input, child, Stopwatch.GetElapsedTime(start)));
        }

        HandOn(child.Error);
        return child;
    }

    internal CniResult ReadResult(Found found, ReadOnlyMemory<byte> output, SpecVersion version) =>
        new PluginProcess(found.Plugin.Type, found.Path, runtime.Limit, "the runtime's limit").ReadResult(output, version);

    // As its process would: what it prints and the status are the same.
    private ChildResult Call(CniPlugin plugin, Dictionary<string, string> variables, ReadOnlyMemory<byte> input)
    {
        using MemoryStream output = new();
        int status = PluginHost.Run(plugin, new PluginEnvironment
        {
            Variable = name => variables.GetValueOrDefault(name),
            Variables = () => variables,
            Input = new MemoryStream(input.ToArray()),
            Output = output,
            Error = runtime.Error,
            BuiltIn = runtime.BuiltIn,
        });
        return new ChildResult(status << 8, output.ToArray(), default); // WEXITSTATUS of wait(2)
    }

    private void HandOn(ReadOnlyMemory<byte> text)
    {
        try
        {
            if (!text.IsEmpty)
                runtime.Error.Write(text.Span);
        }
        catch (IOException)
        {
            // Free text that nobody reads any more is no reason to fail.
        }
    }
}
