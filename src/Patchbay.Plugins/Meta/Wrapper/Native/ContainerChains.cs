using System.Globalization;
using System.Net.Sockets;
using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Netfilter.Expressions;

namespace Patchbay.Plugins.Meta.Wrapper.Native;

/// <summary>The chains for what goes to a container, from it to the host, and out of the host with the host's address.</summary>
internal static class ContainerChains
{
    internal const string Overlay = "overlay";
    internal const string Host = "input";
    internal const string Masquerade = "masq";

    /// <summary>To a container: what came in by a mapped port passes, what no policy accepted does not. There are neither for IPv6.</summary>
    internal static SharedChain MakeOverlay(RuleConfig config, string handle, bool ipv4)
    {
        var content = string.Create(CultureInfo.InvariantCulture, $"{(ipv4 ? config.IngressTag : 0)}|{(config.LogContainers ? $"{handle}|{config.DeniedLogsPerSecond}" : "")}");
        return SharedChain.Of(Overlay, content, (writer, chain) =>
        {
            writer.Chain(chain.Name);
            if (writer.IPv4)
                writer.Rule(chain.Name, writer.New().Mark(config.IngressTag).Accept());
            if (config.LogContainers)
                writer.Rule(chain.Name, writer.New().Add(ChainWriter.Rate(config.DeniedLogsPerSecond)).Add(ChainWriter.Log("DENY_C2C_", handle)));
            writer.Rule(chain.Name, writer.New().Add(writer.PortUnreachable));
        });
    }

    /// <summary>From a container to the host itself: answers, names, and the services that containers may use.</summary>
    internal static SharedChain MakeHost(RuleConfig config, bool ipv4)
    {
        const ushort Dns = 53;
        var services = config.HostServices.ToList();
        foreach (var server in config.HostDns)
            services.AddRange([new HostService(server, EgressRule.Tcp, Dns), new HostService(server, EgressRule.Udp, Dns)]);
        services = [.. services.Where(each => each.Address.AddressFamily == AddressFamily.InterNetwork == ipv4).Distinct()];
        return SharedChain.Of(Host, string.Join(',', services), (writer, chain) =>
        {
            writer.Chain(chain.Name);
            writer.Rule(chain.Name, writer.New().State(NftConnectionState.Established | NftConnectionState.Related).Accept());
            if (!writer.IPv4) // without neighbour discovery (RFC 4861) the host could not talk to it either
                writer.Rule(chain.Name, writer.New().Transport(EgressRule.IcmpV6).Accept());
            if (services.Count > 0)
            {
                var type = NftDataType.Concatenation(writer.Address, NftDataType.InetProtocol, NftDataType.InetService);
                var set = writer.Anonymous(type, services.ConvertAll(each => new NftSetElement(NftKey.Concatenate(NftKey.Of(each.Address), [each.Protocol], NftKey.Port(each.Port)))), interval: false);
                writer.Rule(chain.Name, writer.New().LoadAddress(source: false, writer.IPv4).Add(new NftMeta(NftMetaKey.TransportProtocol, writer.Behind(addresses: 1))).LoadDestinationPort(writer.Behind(addresses: 1) + 1)
                    .Add(new NftLookup(set)).Accept());
            }

            writer.Rule(chain.Name, writer.New().Add(writer.PortUnreachable));
        });
    }

    /// <summary>Out of the host: everything but what stays on the overlay gets the host's address.</summary>
    internal static SharedChain MakeMasquerade(RuleConfig config) => SharedChain.Of(Masquerade, $"{config.NoMasquerade}|{config.Vtep}", (writer, chain) =>
    {
        writer.Chain(chain.Name);
        var rule = writer.New();
        if (config.NoMasquerade is { } overlay)
            rule.DestinationOutside(overlay.Address, overlay.PrefixLength);
        writer.Rule(chain.Name, rule.Output(config.Vtep, inverted: true).Masquerade());
    });
}
