using Patchbay.SystemTests.Harness;
using static Patchbay.SystemTests.Plugins.PortmapHost;

namespace Patchbay.SystemTests.Plugins;

/// <summary>portmap's bad input: refused with field and value, and nothing done.</summary>
public sealed class PortmapBadInputTests : IDisposable
{
    private readonly PortmapHost _host = new();

    public void Dispose() => _host.Dispose();

    // keys, mappings, code, texts
    public static TheoryData<string, string, int, string[]> Refused { get; } = new()
    {
        { """{ "backend": "pf" }""", "[]", 7, ["unrecognized backend \"pf\""] },
        { """{ "backend": 7 }""", "[]", 999, ["\"backend\" must be a string"] },
        { """{ "snat": "yes" }""", "[]", 999, ["\"snat\" must be true or false"] },
        { """{ "markMasqBit": 32 }""", "[]", 7, ["MasqMarkBit must be between 0 and 31", "32"] },
        { """{ "markMasqBit": -1 }""", "[]", 7, ["MasqMarkBit must be between 0 and 31"] },
        { """{ "markMasqBit": "x" }""", "[]", 7, ["MasqMarkBit must be between 0 and 31"] },
        { """{ "markMasqBit": 3, "externalSetMarkChain": "X" }""", "[]", 7, ["Cannot specify externalSetMarkChain and markMasqBit"] },
        { """{ "externalSetMarkChain": "X -j ACCEPT\nCOMMIT" }""", "[]", 7, ["externalSetMarkChain"] },
        { """{ "conditionsV4": "ip saddr 1.2.3.4" }""", "[]", 999, ["\"conditionsV4\" must be a list"] },
        { """{ "backend": "iptables", "conditionsV4": ["ip saddr 1.2.3.4"] }""", "[]", 7, ["iptables backend was requested but configuration contains nftables-specific options [conditionsV4]"] },
        { """{ "backend": "nftables", "conditionsV6": ["-s", "fd00::/8"] }""", "[]", 7, ["nftables backend was requested but configuration contains iptables-specific options [conditionsV6]"] },
        { """{ "backend": "nftables", "externalSetMarkChain": "X" }""", "[]", 7, ["externalSetMarkChain"] },
        { """{ "conditionsV4": ["ip saddr 1.2.3.4"], "conditionsV6": ["-s", "fd00::/8"] }""", "[]", 7, ["conditionsV4", "conditionsV6"] },
        { """{ "conditionsV4": ["ip saddr fd00::1"] }""", "[M]", 7, ["conditionsV4", "fd00::1"] },
        { """{ "conditionsV4": ["ip saddr 1.2.3.4 drop"] }""", "[M]", 7, ["drop"] },
        { """{ "conditionsV4": ["ip saddr { 1.2.3.4"] }""", "[M]", 7, ["1.2.3.4"] },
        { """{ "conditionsV4": ["ip"] }""", "[M]", 7, ["conditionsV4"] },
        { """{ "conditionsV4": ["tcp sport 2000-1000"] }""", "[M]", 7, ["2000-1000"] },
        { """{ "conditionsV4": ["iifname a-name-of-too-many-letters"] }""", "[M]", 7, ["a-name-of-too-many-letters"] },
        { """{ "conditionsV4": ["-s", "1.2.3.4\n-j ACCEPT"] }""", "[M]", 7, ["condition"] },
        { "{}", """[{ "hostPort": 0, "containerPort": 80, "protocol": "tcp" }]""", 7, ["Invalid host port number: 0"] },
        { "{}", """[{ "containerPort": 80, "protocol": "tcp" }]""", 7, ["Invalid host port number: 0"] },
        { "{}", """[{ "hostPort": 80, "containerPort": -3, "protocol": "tcp" }]""", 7, ["Invalid container port number: -3"] },
        { "{}", """[{ "hostPort": 65536, "containerPort": 80, "protocol": "tcp" }]""", 7, ["65536"] },
        { "{}", """[{ "hostPort": "80", "containerPort": 80, "protocol": "tcp" }]""", 7, ["portMappings[0].hostPort"] },
        { "{}", """[{ "hostPort": 80, "containerPort": 80, "protocol": "icmp" }]""", 7, ["icmp"] },
        { "{}", """[{ "hostPort": 80, "containerPort": 80, "protocol": "tcp -j ACCEPT" }]""", 7, ["tcp -j ACCEPT"] },
        { "{}", """[{ "hostPort": 80, "containerPort": 80, "hostIP": "localhost" }]""", 7, ["localhost"] },
        { "{}", """[{ "hostPort": 65000, "containerPort": 80, "hostPortEnd": 70000 }]""", 7, ["70000"] },
        { "{}", """[{ "hostPort": 65000, "containerPort": 80, "containerPortEnd": 1000 }]""", 7, ["65000"] },
        { "{}", """[{ "hostPort": 80, "containerPort": 80, "hostPortEnd": 79 }]""", 7, ["79"] },
        { "{}", """[{ "hostPort": 80, "containerPort": 80, "hostPortEnd": 89, "containerPortEnd": 90 }]""", 7, ["10 host ports", "11 container ports"] },
        { "{}", """[{ "hostPort": 80, "containerPort": 80 }, { "hostPort": 80, "containerPort": 81, "protocol": "TCP" }]""", 7, ["80 and 81"] },
        { "{}", """{ "hostPort": 80 }""", 999, ["portMappings"] },
        { "{}", "[7]", 999, ["portMappings[0]"] },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void Refused_with_its_name_and_nothing_done(string keys, string mappings, int code, string[] texts)
    {
        (TestNamespace container, PluginResult bridged) = _host.AddContainer();
        Snapshot before = Snapshot.Take(_host.Host);

        _host.Ours.Add(container, Config(bridged, mappings.Replace("M", Mapping(8080, 80), StringComparison.Ordinal), keys)).Failed(code, texts);

        before.AssertSame(Snapshot.Take(_host.Host));
        Assert.Empty(_host.Rules());
        // DEL does not read what it does not need.
        _host.Ours.Delete(container, Config(bridged, mappings.Replace("M", Mapping(8080, 80), StringComparison.Ordinal), keys)).Check();
    }

    [Fact]
    public void Results_that_are_missing_or_lie()
    {
        (TestNamespace container, PluginResult bridged) = _host.AddContainer();
        string mappings = $"[{Mapping(8080, 80)}]";
        _host.Ours.Add(container, Config(null, mappings)).Failed(7, "must be called as chained plugin");
        _host.Ours.Check(container, Config(null, mappings)).Failed(999, "prevResult missing");
        // The interface is another one, or nobody's.
        _host.Ours.Add(container, Config(bridged, mappings), "eth7").Failed(7, "eth7");
        string elsewhere = Config(bridged, mappings).Replace($"\"sandbox\":\"{container.Path}\"", "\"sandbox\":\"\"", StringComparison.Ordinal);
        _host.Ours.Add(container, elsewhere).Failed(7, "eth0");
        _host.Ours.Add(container, Config(bridged, mappings, """{ "prevResult": 7 }""")[..^1] + ", \"prevResult\": 7 }").Failed(999, "prevResult");
        Assert.Empty(_host.Rules());
        // An index that the result does not have counts as ours, as with the reference.
        string beyond = Config(bridged, mappings).Replace("\"interface\":2", "\"interface\":9", StringComparison.Ordinal);
        _host.Ours.Add(container, beyond).Check();
        Assert.Contains("tcp . 8080", _host.Rules(), StringComparison.Ordinal);
    }
}
