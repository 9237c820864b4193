using System.Net;

namespace Patchbay.Cni.Model;

/// <summary>Reads results of every version into the newest form.</summary>
internal static class ResultReader
{
    internal static CniResult Read(JsonView view, SpecVersion version)
    {
        if (!SpecVersion.All.Contains(version))
            throw new CniException(CniError.Internal, $"unsupported CNI result version \"{version}\"");
        return version.HasFlatResult ? ReadFlat(view) : ReadLists(view);
    }

    // 0.1.0 and 0.2.0: {"ip4": {"ip", "gateway", "routes"}, "ip6": {...}, "dns"}
    private static CniResult ReadFlat(JsonView view)
    {
        List<CniIp> ips = [];
        List<CniRoute> routes = [];
        foreach (string key in (ReadOnlySpan<string>)["ip4", "ip6"])
        {
            if (view.Object(key) is not { } family)
                continue;
            IpPrefix address = family.Prefix("ip") ?? throw family.Error("has no \"ip\"");
            ips.Add(new CniIp { Address = address, Gateway = family.Address("gateway") });
            routes.AddRange(Routes(family));
        }

        return new CniResult { Ips = ips, Routes = routes, Dns = CniDns.Read(view.Object("dns")) };
    }

    private static CniResult ReadLists(JsonView view) => new()
    {
        Interfaces = [.. (view.Array("interfaces") ?? []).Select(Interface)],
        Ips = [.. (view.Array("ips") ?? []).Select(Ip)],
        Routes = Routes(view),
        Dns = CniDns.Read(view.Object("dns")),
    };

    private static CniInterface Interface(JsonView view) => new()
    {
        Name = view.String("name") ?? "",
        Mac = NullIfEmpty(view.String("mac")),
        Mtu = (int)(view.Integer("mtu", int.MinValue, int.MaxValue) ?? 0),
        Sandbox = NullIfEmpty(view.String("sandbox")),
        SocketPath = NullIfEmpty(view.String("socketPath")),
        PciId = NullIfEmpty(view.String("pciID")),
    };

    // "version" of 0.3.x and 0.4.0 is not read: the address tells its family.
    private static CniIp Ip(JsonView view) => new()
    {
        Interface = (int?)view.Integer("interface", int.MinValue, int.MaxValue),
        Address = view.Prefix("address") ?? throw view.Error("has no \"address\""),
        Gateway = view.Address("gateway"),
    };

    private static CniRoute[] Routes(JsonView view) => [.. (view.Array("routes") ?? []).Select(CniRoute.Read)];

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;
}
