using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Cni.Runtime;
using Patchbay.Plugins.Naming;

namespace Patchbay.Plugins.Tools;

/// <summary>Runs the chain of a network by hand: <c>cnitool add mynet /run/netns/test</c>.</summary>
internal sealed class CniTool
{
    private readonly PluginEnvironment _environment;
    private readonly RuntimeVariables _variables;
    private readonly CniToolOptions _options = new();

    private CniTool(PluginEnvironment environment)
    {
        _environment = environment;
        _variables = new RuntimeVariables(environment);
    }

    /// <summary>Runs the tool.</summary>
    /// <param name="arguments">The command line after the tool's name.</param>
    /// <param name="environment">Variables and streams.</param>
    /// <returns>The exit status.</returns>
    internal static int Run(ReadOnlySpan<string> arguments, PluginEnvironment environment)
    {
        CniTool tool = new(environment);
        try
        {
            return tool.Run(arguments);
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            CniException told = CniException.From(error);
            if (tool._options.Json)
                tool.Print(told.ToJson());
            else
                PluginHost.Note(environment, told.Text);
            return 1;
        }
    }

    private int Run(ReadOnlySpan<string> arguments)
    {
        _options.Read(arguments);
        string[] words = [.. _options.Words];
        bool whole = words is ["add" or "check" or "del", _, _] or ["gc" or "status", _] or ["gc" or "status", _, _] or ["list"] or ["validate"] or ["validate", _]
            || (words is ["del", _] && _options.ContainerId is not null);
        if (_options.Help || !whole)
        {
            PluginHost.Note(_environment, CniToolOptions.Usage);
            return _options.Help ? 0 : 1;
        }

        CniRuntime runtime = new()
        {
            PluginPath = _variables.PluginPath,
            Cache = new ResultCache(_options.CacheDirectory),
            Variables = _environment.Variables,
            Error = _environment.Error,
            Limit = _options.Limit,
            Observer = _options.Trace ? new CniToolTrace(_environment).Show : null,
        };
        string directory = _variables.ConfigurationDirectory;
        if (words is ["list"])
            return NetworkTable.Print(directory, runtime.Cache, _options.Json, _environment);
        if (words is ["validate", ..])
            return ConfigurationReport.Print(words.Length == 2 ? words[1] : directory, runtime, _options.Json, _environment);

        NetworkList list = NetworkDirectory.Load(directory, words[1]);
        switch (words[0])
        {
            case "add":
                Print(runtime.Add(list, Attachment(words[2])).ToJson(list.Version));
                break;
            case "check":
                runtime.Check(list, Attachment(words[2]));
                break;
            case "del":
                runtime.Delete(list, Attachment(words.ElementAtOrDefault(2)));
                break;
            case "gc":
                runtime.GarbageCollect(list, valid: null);
                break;
            default:
                runtime.Status(list);
                break;
        }

        return 0;
    }

    private Attachment Attachment(string? path)
    {
        string netns = path is null ? "" : Path.GetFullPath(path);
        return new Attachment
        {
            ContainerId = _options.ContainerId ?? ContainerId(netns),
            NetnsPath = netns,
            IfName = _options.IfName ?? _variables.Value("CNI_IFNAME") ?? "eth0",
            Args = _variables.Args,
            CapabilityArgs = _variables.CapabilityArgs,
        };
    }

    /// <summary>A namespace has no container id, so its path makes one: the same path is the same container.</summary>
    internal static string ContainerId(string netns) =>
        $"cnitool-{Convert.ToHexStringLower(Sha512.Hash(Encoding.UTF8.GetBytes(netns)).AsSpan(0, 10))}";

    private void Print(ReadOnlyMemory<byte> json)
    {
        _environment.Output.Write(json.Span);
        _environment.Output.Write("\n"u8);
    }
}
