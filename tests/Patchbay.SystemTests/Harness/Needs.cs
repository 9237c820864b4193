using System.Collections.Concurrent;

namespace Patchbay.SystemTests.Harness;

/// <summary>
/// What a test needs of the kernel, found out by trying it once, in a namespace made for that. A test that cannot have it is skipped by
/// name here, and runs in <c>make test-vm</c>, where a skip is a failure.
/// </summary>
internal static class Needs
{
    private static readonly ConcurrentDictionary<string, Lazy<bool>> Tried = new();

    /// <summary>Whether this is the machine of <c>make test-vm</c>.</summary>
    public static bool InVirtualMachine { get; } = Environment.GetEnvironmentVariable("PATCHBAY_VM") == "1";

    /// <summary>Checked for every test of this project by <see cref="NeedsRootAttribute"/>.</summary>
    public static void Root() =>
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root: network namespaces are made for each test");

    /// <summary>Default directories of plugins that are the suite's own: hack/suite mounts a file system of its own there.</summary>
    public static void OwnDirectories() =>
        Assert.SkipUnless(
            File.ReadLines("/proc/self/mountinfo").Any(line => line.Split(' ') is [_, _, _, _, "/var/lib/cni", ..]),
            "needs /var/lib/cni and /run/cni of its own: run the suite by hack/suite");

    /// <summary>Packets of network namespaces in the kernel's log, which is one for the whole machine.</summary>
    public static void KernelLog() => Assert.SkipUnless(InVirtualMachine, "needs the log of a kernel of its own, with net.netfilter.nf_log_all_netns; runs in make test-vm");

    public static void BridgeVlanFiltering() =>
        Kernel("bridge VLAN filtering (CONFIG_BRIDGE_VLAN_FILTERING)", space =>
            // A kernel without it refuses the option or, some versions, ignores it with success: the judge is what the bridge is afterwards.
            Works(space, "ip link add probe type bridge vlan_filtering 1") && space.BridgeJson("vlan show").GetArrayLength() > 0);

    public static void Vlan() =>
        Kernel("VLAN interfaces (CONFIG_VLAN_8021Q)", space =>
            Works(space, "ip link add probe type veth peer name probe2") && Works(space, "ip link add link probe name probe.5 type vlan id 5"));

    public static void Dummy() => Link("dummy");

    public static void Vrf() => Link("vrf", "table 10");

    public static void Geneve() => Link("geneve", "id 1 remote 192.0.2.1");

    public static void Vxlan() => Link("vxlan", "id 1 dstport 4789");

    public static void VxlanGroupPolicy() =>
        Kernel("VXLAN with group-based policy (CONFIG_VXLAN)", space => Works(space, "ip link add probe type vxlan id 1 local 192.0.2.1 dstport 4789 gbp nolearning"));

    /// <summary>A module that nothing loads by itself: without it packets between ports of one bridge pass no rules.</summary>
    public static void BridgeNetfilter() =>
        Kernel("rules for bridged packets (CONFIG_BRIDGE_NETFILTER)", _ => Directory.Exists("/proc/sys/net/bridge") || Command.Run(["modprobe", "br_netfilter"]).ExitCode == 0);

    public static void Ifb() => Link("ifb");

    public static void Wireguard() => Link("wireguard");

    public static void Macvlan() => Child("macvlan", "mode bridge");

    public static void Macvtap() => Child("macvtap", "mode bridge");

    public static void Ipvtap() => Child("ipvtap", "mode l2");

    public static void Ipvlan() => Child("ipvlan", "mode l2");

    public static void Tun() =>
        Kernel("tap interfaces (CONFIG_TUN)", space => Works(space, "ip tuntap add dev probe mode tap"));

    /// <summary>The module is not loaded for the asking; ovs-vswitchd's start loads it through its package's scripts, here modprobe does.</summary>
    public static void OpenVswitchModule() =>
        Kernel("Open vSwitch datapath (CONFIG_OPENVSWITCH)", _ => Directory.Exists("/sys/module/openvswitch") || Command.Run(["modprobe", "openvswitch"]).ExitCode == 0);

    public static void Netem() => Qdisc("netem", "delay 1ms");

    public static void Red() => Qdisc("red", "limit 100000 min 3000 max 9000 avpkt 1000 burst 20 bandwidth 10mbit");

    public static void Tbf() => Qdisc("tbf", "rate 1mbit burst 10kb latency 10ms");

    public static void Htb() => Qdisc("htb", "default 1");

    public static void Ingress() =>
        Kernel("tc's ingress hook (CONFIG_NET_SCH_INGRESS)", space => Works(space, "tc qdisc add dev lo ingress"));

    public static void IptablesLegacy() =>
        Kernel("legacy iptables (CONFIG_IP_NF_IPTABLES)", space => Works(space, "iptables-legacy -t nat -L -n"));

    public static void IptablesNft() =>
        Kernel("iptables over nf_tables (CONFIG_NFT_COMPAT)", space => Works(space, "iptables-nft -t nat -A POSTROUTING -m comment --comment probe -j MASQUERADE"));

    public static void NftBridgeMeta() =>
        Kernel("nft bridge meta expressions (CONFIG_NFT_BRIDGE_META)", space =>
            Works(space, "nft add table bridge probe") && Works(space, "nft add chain bridge probe c")
            && Works(space, "nft add rule bridge probe c meta ibrname cni0 accept"));

    /// <summary>O_TMPFILE of open(2), which overlayfs has from Linux 6.3 on.</summary>
    public static void UnnamedFiles(string directory) =>
        Assert.SkipWhen(
            Command.Run(["stat", "-f", "-c", "%T", Path.GetDirectoryName(directory)!]).StandardOutput.Trim() == "overlayfs" && Environment.OSVersion.Version < new Version(6, 3),
            "needs files without a name (O_TMPFILE)");

    /// <summary>A program that not every machine has.</summary>
    public static void Program(string name) =>
        Assert.SkipUnless(
            Tried.GetOrAdd($"program {name}", _ => new(() => Command.Run(["sh", "-c", "command -v \"$0\"", name]).ExitCode == 0)).Value,
            $"needs the program {name}");

    /// <summary>Any other need: what it is, in words, and how to try it in an empty namespace.</summary>
    public static void Kernel(string what, Func<TestNamespace, bool> works)
    {
        Root();
        bool has = Tried.GetOrAdd(what, _ => new(() =>
        {
            using TestHost host = TestHost.Create();
            return works(host);
        })).Value;
        Assert.SkipUnless(has, $"this kernel has no {what}; runs in make test-vm");
    }

    private static void Link(string kind, string options = "") =>
        Kernel($"{kind} interfaces", space => Works(space, $"ip link add probe type {kind} {options}"));

    private static void Child(string kind, string options) =>
        Kernel($"{kind} interfaces", space =>
            Works(space, "ip link add probe type veth peer name probe2") && Works(space, $"ip link add link probe name child type {kind} {options}"));

    private static void Qdisc(string kind, string options) =>
        Kernel($"{kind} queueing discipline", space => Works(space, $"tc qdisc add dev lo root {kind} {options}"));

    private static bool Works(TestNamespace space, string command) =>
        space.Run(command.Split(' ', StringSplitOptions.RemoveEmptyEntries)).ExitCode == 0;
}
