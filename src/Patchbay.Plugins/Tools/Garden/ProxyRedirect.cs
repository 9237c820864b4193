using System.Globalization;
using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Netfilter.Expressions;
using Patchbay.Plugins.Meta.Wrapper;
using Patchbay.Plugins.Meta.Wrapper.Native;
using Patchbay.Plugins.PacketFilter;

namespace Patchbay.Plugins.Tools.Garden;

/// <summary>In the container's own namespace: what applications send to some networks goes to a proxy beside them, which alone may send there itself. All of it goes with the namespace.</summary>
internal static class ProxyRedirect
{
    private const string Name = "cf_proxy";
    private const int DestinationNatPriority = -100; // NF_IP_PRI_NAT_DST

    internal static void Add(NetworkNamespace container, NetworkerConfig config)
    {
        if (config.ProxyRedirect is not { } networks)
            return;
        if (config.UsesIptables)
        {
            var commands = string.Create(CultureInfo.InvariantCulture, $"-A OUTPUT -d {networks} -p tcp -m owner ! --uid-owner {config.ProxyUser} -j REDIRECT --to-ports {config.ProxyPort}\n");
            if (config.RedirectsIngress)
                commands += string.Create(CultureInfo.InvariantCulture, $"-A PREROUTING -p tcp -j REDIRECT --to-ports {config.ProxyPort}\n");
            container.Run(() =>
            {
                new IptablesTool(ipv4: true).Restore("nat", commands);
                return true;
            });
            return;
        }

        using var nft = NftablesSocket.Open(container);
        var transaction = new NftablesTransaction();
        transaction.Add(new NftTable(NftFamily.Ip, Name) { Comment = "Proxy of the application, by garden-external-networker" });
        Chain("output", NftHookPoint.Output, new NftRuleBuilder(NftFamily.Ip).Destination(networks.Address, networks.PrefixLength).Transport(EgressRule.Tcp)
            .Add(new NftMeta(NftMetaKey.SocketUser)).Add(new NftCompare(NftOperator.NotEqual, NftKey.Number(config.ProxyUser))).Redirect(config.ProxyPort));
        if (config.RedirectsIngress)
            Chain("prerouting", NftHookPoint.Prerouting, new NftRuleBuilder(NftFamily.Ip).Transport(EgressRule.Tcp).Redirect(config.ProxyPort));
        nft.Commit(transaction);

        void Chain(string name, NftHookPoint point, NftRuleBuilder rule)
        {
            transaction.Add(new NftChain(NftFamily.Ip, Name, name) { Hook = new NftHook("nat", point, DestinationNatPriority) });
            transaction.Add(new NftRule(NftFamily.Ip, Name, name, rule.Build()));
        }
    }
}
