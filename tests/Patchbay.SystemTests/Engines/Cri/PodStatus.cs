using System.Text.Json;

namespace Patchbay.SystemTests.Engines.Cri;

/// <summary>PodSandboxStatusResponse of the CRI, as far as the network is concerned.</summary>
/// <param name="Ready">state is SANDBOX_READY.</param>
/// <param name="Ip">network.ip, which is the pod's podIP.</param>
/// <param name="AdditionalIps">network.additional_ips, the rest of its podIPs.</param>
/// <param name="Info">containerd's own, when asked to be verbose: process, specification, CNI result.</param>
internal sealed record PodStatus(bool Ready, string Ip, IReadOnlyList<string> AdditionalIps, JsonElement Info)
{
    /// <summary>The network namespace that containerd made for the pod.</summary>
    public string NamespacePath =>
        Info.GetProperty("runtimeSpec").GetProperty("linux").GetProperty("namespaces").EnumerateArray()
            .Single(each => each.GetProperty("type").GetString() == "network").GetProperty("path").GetString()!;
}
