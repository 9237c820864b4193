using System.Net;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;

namespace Patchbay.Plugins.Ipam.Static;

/// <summary>The <c>ipam</c> object of a configuration, after CNI_ARGS, <c>args.cni.ips</c> and the capability <c>ips</c> had their say.</summary>
internal sealed class StaticConfig
{
    internal required IReadOnlyList<CniIp> Addresses { get; init; }

    internal required IReadOnlyList<CniRoute> Routes { get; init; }

    internal required CniDns Dns { get; init; }

    internal static StaticConfig Read(PluginRequest request)
    {
        var config = request.Config;
        var ipam = config.Ipam ?? throw Invalid("IPAM config missing 'ipam' key");
        var args = CniArgs.Parse(request.Args, "IP", "GATEWAY");

        // Each source replaces the ones before it altogether, gateways too, except CNI_ARGS, which adds.
        List<CniIp> addresses;
        if (config.RuntimeConfig?.Strings("ips") is { Count: > 0 } capability)
            addresses = ReadIps(capability);
        else if (config.Args?.Strings("ips") is { Count: > 0 } conventional)
            addresses = ReadIps(conventional);
        else
            addresses = WithArgs(ReadAddresses(ipam), args);

        int v4 = addresses.FindAll(ip => ip.Address.IsIPv4).Count;
        if (config.Version < SpecVersion.V030 && (v4 > 1 || addresses.Count - v4 > 1))
            throw Invalid($"CNI version {config.VersionText} does not support more than 1 address per family");
        return new StaticConfig
        {
            Addresses = addresses,
            Routes = [.. (ipam.Array("routes") ?? []).Select(CniRoute.Read)],
            Dns = CniDns.Read(ipam.Object("dns")),
        };
    }

    private static List<CniIp> ReadAddresses(JsonView ipam)
    {
        var addresses = new List<CniIp>();
        foreach (var entry in ipam.Array("addresses") ?? [])
            addresses.Add(new CniIp { Address = Cidr(entry.String("address") ?? "", "the 'address' field is expected to be in CIDR notation"), Gateway = entry.Address("gateway") });
        return addresses;
    }

    private static List<CniIp> ReadIps(IReadOnlyList<string> texts)
    {
        var addresses = new List<CniIp>();
        foreach (var text in texts)
            addresses.Add(new CniIp { Address = Cidr(text, "an entry in the 'ips' field is NOT in CIDR notation") });
        return addresses;
    }

    private static List<CniIp> WithArgs(List<CniIp> addresses, CniArgs args)
    {
        foreach (var text in Split(args["IP"]))
            addresses.Add(new CniIp { Address = Cidr(text, "the 'ip' field is expected to be in CIDR notation") });
        foreach (var text in Split(args["GATEWAY"]))
        {
            var gateway = IpText.TryParse(text) ?? throw Invalid($"invalid gateway address: {text}");
            for (int i = 0; i < addresses.Count; i++)
            {
                if (addresses[i].Address.Network.Contains(gateway))
                    addresses[i] = addresses[i] with { Gateway = gateway };
            }
        }
        return addresses;
    }

    private static string[] Split(string? list) => string.IsNullOrEmpty(list) ? [] : list.Split(',', StringSplitOptions.TrimEntries);

    private static IpPrefix Cidr(string text, string expectation)
        => IpPrefix.TryParse(text, out var prefix) ? prefix : throw Invalid($"{expectation}, got: '{text}'");

    private static CniException Invalid(string message) => new(CniError.InvalidNetworkConfig, message);
}
