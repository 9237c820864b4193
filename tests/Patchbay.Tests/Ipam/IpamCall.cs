using System.Text.Json;
using Patchbay.Cni.Plugin;
using Patchbay.Tests.Cni;

namespace Patchbay.Tests.Ipam;

/// <summary>One call of a plugin through its host: what it printed, and how it ended.</summary>
internal sealed record IpamCall(int Status, string Output, string Notes)
{
    internal JsonElement Json => JsonDocument.Parse(Output).RootElement;

    /// <summary>Code and message of the error object.</summary>
    internal string Error => Status == 0 ? "" : $"{Json.GetProperty("code").GetInt32()} {Json.GetProperty("msg").GetString()}";

    internal string[] Ips => [.. Json.GetProperty("ips").EnumerateArray().Select(ip => ip.GetProperty("address").GetString()!)];

    internal string[] Gateways => [.. Json.GetProperty("ips").EnumerateArray().Select(ip => ip.TryGetProperty("gateway", out var gw) ? gw.GetString()! : "")];

    internal static IpamCall Run(CniPlugin plugin, string command, string config, string id = "c1", string args = "")
    {
        var host = new FakeHost();
        host.Variables["CNI_COMMAND"] = command;
        host.Variables["CNI_CONTAINERID"] = id;
        host.Variables["CNI_ARGS"] = args;
        int status = host.Run(plugin, config);
        return new(status, host.OutputText, host.ErrorText);
    }
}
