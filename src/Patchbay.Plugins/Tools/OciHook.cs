using System.Globalization;
using System.Text.Json;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink;
using Patchbay.Plugins.Tools.NetRun;

namespace Patchbay.Plugins.Tools;

/// <summary>A hook of an OCI runtime such as runc: joins a container to networks as it is created, and leaves them when it is gone. docs/engines/runc.md.</summary>
/// <remarks>The state on standard input tells which of the two: opencontainers/runtime-spec, runtime.md, "State".</remarks>
internal static class OciHook
{
    internal const string Name = "cni-oci-hook";

    private const int MaxStateBytes = 1 << 20;

    private const string Usage = $"""
        cni-oci-hook: join the container of an OCI runtime to networks; for "createRuntime" and "poststop" in config.json

        usage: cni-oci-hook [options] [NETWORK[:IFNAME]...]   reads the container's state from standard input

        {AttachmentOptions.Usage}
        """;

    internal static int Run(ReadOnlySpan<string> arguments, PluginEnvironment environment)
    {
        try
        {
            AttachmentOptions options = new();
            for (int i = 0; i < arguments.Length; i++)
            {
                if (arguments[i] is "-h" or "--help")
                {
                    PluginHost.Note(environment, Usage);
                    return 0;
                }

                if (options.Read(arguments, ref i, shortNames: true))
                    continue;
                if (arguments[i].StartsWith('-'))
                    throw AttachmentOptions.Bad($"unknown option {arguments[i]}; --help lists them");
                options.AddNetwork(arguments[i]);
            }

            return Run(options, environment);
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            PluginHost.Note(environment, $"{Name}: {CniException.From(error).Text}");
            return 1;
        }
    }

    private static int Run(AttachmentOptions options, PluginEnvironment environment)
    {
        (string id, string status, int pid) = ReadState(environment.Input);
        bool stopped = status == "stopped" || pid == 0; // poststop: process and namespace are gone
        string netns = stopped ? "" : string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/ns/net");
        if (!stopped)
            RequireOwnNamespace(netns);
        NetworkPlan plan = stopped ? NetworkPlan.LoadToDelete(options, environment, id, netns) : NetworkPlan.Load(options, environment, id, netns);
        if (stopped)
            return Report(plan.Delete(plan.Count));

        plan.RequirePlugins();
        int begun = 0;
        try
        {
            while (begun < plan.Count)
                plan.Add(begun++);
            return 0;
        }
        catch (CniException error)
        {
            // The runtime kills the container; not every one runs poststop then.
            List<CniException> errors = plan.Delete(begun);
            return Report([error, .. errors]);
        }

        int Report(List<CniException> errors)
        {
            foreach (CniException error in errors)
                PluginHost.Note(environment, $"{Name}: {error.Text}");
            return errors.Count == 0 ? 0 : 1;
        }
    }

    // What the plugins would do to a container that shares the host's namespace, they would do to the host.
    private static void RequireOwnNamespace(string netns)
    {
        using NetworkNamespace theirs = NetworkNamespace.Open(netns), ours = NetworkNamespace.OpenCurrent();
        if (theirs.IsSameAs(ours))
            throw new CniException(CniError.InvalidNetns, "the container shares the host's network namespace: add {\"type\": \"network\"} to linux.namespaces of its config.json");
    }

    private static (string Id, string Status, int Pid) ReadState(Stream input)
    {
        try
        {
            using MemoryStream bytes = new();
            Span<byte> buffer = stackalloc byte[4096];
            for (int count; (count = input.Read(buffer)) > 0 && bytes.Length <= MaxStateBytes;)
                bytes.Write(buffer[..count]);
            JsonView state = JsonView.Parse(bytes.ToArray(), "container state");
            string id = state.String("id") is { Length: > 0 } text ? text : throw state.Error("has no id");
            return (id, state.String("status") ?? "", (int)(state.Integer("pid", 0, int.MaxValue) ?? 0));
        }
        catch (Exception error) when (error is JsonException or CniException)
        {
            throw new CniException(CniError.DecodingFailure, $"no container state on standard input, as an OCI runtime gives it to its hooks: {error.Message}", inner: error);
        }
    }
}
