using System.Text;
using System.Text.Json;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;

namespace Patchbay.Tests.Cni;

/// <summary>A plugin's surroundings without a process: variables, streams, and namespaces told by name.</summary>
internal sealed class FakeHost
{
    internal Dictionary<string, string> Variables { get; } = new()
    {
        ["CNI_COMMAND"] = "ADD",
        ["CNI_CONTAINERID"] = "ctr1",
        ["CNI_NETNS"] = "/netns/other",
        ["CNI_IFNAME"] = "eth0",
        ["CNI_PATH"] = "/opt/none",
    };

    internal Stream Input { get; set; } = Stream.Null;

    internal MemoryStream Output { get; } = new();

    internal MemoryStream Error { get; } = new();

    internal Func<string, CniPlugin?> BuiltIn { get; set; } = _ => null;

    /// <summary>The file that plays /proc/self/exe.</summary>
    internal string Self { get; set; } = "/none";

    internal string OutputText => Encoding.UTF8.GetString(Output.ToArray());

    internal string ErrorText => Encoding.UTF8.GetString(Error.ToArray());

    internal PluginEnvironment Environment => new()
    {
        Variable = name => Variables.GetValueOrDefault(name),
        Variables = () => Variables.Append(new("PATH", "/usr/bin:/bin")),
        Input = Input,
        Output = Output,
        Error = Error,
        BuiltIn = BuiltIn,
        Identify = path => path switch
        {
            "/netns/own" or "/proc/self/ns/net" => new FileIdentity(1, 1, false),
            "/netns/other" => new FileIdentity(1, 2, false),
            "/proc/self/exe" => FileIdentity.Of(Self),
            _ => FileIdentity.Of(path),
        },
    };

    internal int Run(CniPlugin plugin, string config)
    {
        Input = new MemoryStream(Encoding.UTF8.GetBytes(config));
        return PluginHost.Run(plugin, Environment);
    }

    internal (uint Code, string Message, string Details) PrintedError()
    {
        JsonElement root = JsonDocument.Parse(Output.ToArray()).RootElement;
        return (root.GetProperty("code").GetUInt32(), root.GetProperty("msg").GetString()!, root.TryGetProperty("details", out JsonElement details) ? details.GetString()! : "");
    }

    internal PluginRequest Request(CniCommand command = CniCommand.Add, string config = """{"cniVersion":"1.0.0","name":"net"}""") => new()
    {
        Command = command,
        ContainerId = Variables["CNI_CONTAINERID"],
        NetnsPath = Variables["CNI_NETNS"],
        IfName = Variables["CNI_IFNAME"],
        Path = Variables["CNI_PATH"],
        Config = NetworkConfig.Parse(Encoding.UTF8.GetBytes(config)),
        Environment = Environment,
    };
}

/// <summary>A plugin that writes down its calls.</summary>
internal sealed class RecordingPlugin : CniPlugin
{
    internal List<string> Calls { get; } = [];

    internal Func<PluginRequest, CniResult> OnAdd { get; set; } = _ => new CniResult { Ips = [new() { Address = IpPrefix.Parse("10.0.0.1/8") }] };

    internal Action<PluginRequest> OnDelete { get; set; } = _ => { };

    internal IReadOnlyList<SpecVersion> Versions { get; set; } = SpecVersion.All;

    public override string Name => "recording";

    public override string About => "CNI recording plugin v0";

    public override IReadOnlyList<SpecVersion> SupportedVersions => Versions;

    public override CniResult Add(PluginRequest request)
    {
        Note(request);
        return OnAdd(request);
    }

    public override void Delete(PluginRequest request)
    {
        Note(request);
        OnDelete(request);
    }

    public override void Check(PluginRequest request) => Note(request);

    public override void GarbageCollect(PluginRequest request) => Note(request);

    public override void Status(PluginRequest request) => Note(request);

    private void Note(PluginRequest request) => Calls.Add(request.Command.ToText());
}
