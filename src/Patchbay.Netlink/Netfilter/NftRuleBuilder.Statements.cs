using System.Net;
using Patchbay.Netlink.Netfilter.Expressions;

namespace Patchbay.Netlink.Netfilter;

/// <content>What a rule does, and lookups in sets.</content>
public sealed partial class NftRuleBuilder
{
    /// <summary>Matches sources in a set: <c>ip saddr @set</c>.</summary>
    /// <param name="set">A set of addresses.</param>
    /// <param name="ipv4">True for IPv4 addresses, false for IPv6.</param>
    /// <param name="inverted">True to match those that are not in it.</param>
    /// <returns>This builder.</returns>
    public NftRuleBuilder SourceIn(NftSetReference set, bool ipv4, bool inverted = false) => AddressIn(set, ipv4, source: true, inverted);

    /// <summary>Matches destinations in a set: <c>ip daddr @set</c>.</summary>
    /// <param name="set">A set of addresses.</param>
    /// <param name="ipv4">True for IPv4 addresses, false for IPv6.</param>
    /// <param name="inverted">True to match those that are not in it.</param>
    /// <returns>This builder.</returns>
    public NftRuleBuilder DestinationIn(NftSetReference set, bool ipv4, bool inverted = false) => AddressIn(set, ipv4, source: false, inverted);

    /// <summary>Loads an address for a lookup: the field of a concatenated key, or the key of a map.</summary>
    /// <param name="source">True for the source, false for the destination.</param>
    /// <param name="ipv4">True for IPv4, false for IPv6.</param>
    /// <param name="register">Where it goes.</param>
    /// <returns>This builder.</returns>
    public NftRuleBuilder LoadAddress(bool source, bool ipv4, NftRegister register = NftRegister.R1)
    {
        Network(ipv4 ? Ipv4 : Ipv6);
        return Add(AddressField(ipv4, source, ipv4 ? 4 : 16, register));
    }

    /// <summary>Loads the destination port for a lookup.</summary>
    /// <param name="register">Where it goes.</param>
    /// <returns>This builder.</returns>
    public NftRuleBuilder LoadDestinationPort(NftRegister register = NftRegister.R1) => Add(new NftPayload(NftPayloadBase.Transport, 2, 2, register));

    /// <summary>Obeys the verdict that a map has for the key in a register: <c>… vmap @map</c>.</summary>
    /// <param name="map">The verdict map.</param>
    /// <param name="key">The register that the key begins in.</param>
    /// <returns>This builder.</returns>
    public NftRuleBuilder VerdictFrom(NftSetReference map, NftRegister key = NftRegister.R1) => Add(new NftLookup(map, key, NftRegister.Verdict));

    /// <summary>Counts: <c>counter</c>.</summary>
    /// <returns>This builder.</returns>
    public NftRuleBuilder Counter() => Add(new NftCounter());

    /// <summary>Gives a verdict.</summary>
    /// <param name="verdict">The verdict.</param>
    /// <returns>This builder.</returns>
    public NftRuleBuilder Verdict(NftVerdict verdict) => Add(new NftImmediate(verdict));

    /// <summary>Lets the packet pass this base chain: <c>accept</c>.</summary>
    /// <returns>This builder.</returns>
    public NftRuleBuilder Accept() => Verdict(NftVerdict.Accept);

    /// <summary>Drops the packet: <c>drop</c>.</summary>
    /// <returns>This builder.</returns>
    public NftRuleBuilder Drop() => Verdict(NftVerdict.Drop);

    /// <summary>Returns to the calling chain: <c>return</c>.</summary>
    /// <returns>This builder.</returns>
    public NftRuleBuilder Return() => Verdict(NftVerdict.Return);

    /// <summary>Goes to another chain and comes back: <c>jump</c>.</summary>
    /// <param name="chain">The chain's name.</param>
    /// <returns>This builder.</returns>
    public NftRuleBuilder Jump(string chain) => Verdict(NftVerdict.Jump(chain));

    /// <summary>Goes to another chain for good: <c>goto</c>.</summary>
    /// <param name="chain">The chain's name.</param>
    /// <returns>This builder.</returns>
    public NftRuleBuilder Goto(string chain) => Verdict(NftVerdict.Goto(chain));

    /// <summary>Drops the packet and tells its sender: <c>reject</c>.</summary>
    /// <returns>This builder.</returns>
    public NftRuleBuilder Reject() => Add(new NftReject());

    /// <summary>Translates the source to the address of the output interface: <c>masquerade</c>.</summary>
    /// <param name="options">How ports are chosen.</param>
    /// <returns>This builder.</returns>
    public NftRuleBuilder Masquerade(NftNatOptions options = NftNatOptions.None) => Add(new NftMasquerade { Options = options });

    /// <summary>Translates the destination: <c>dnat to A:P</c>.</summary>
    /// <param name="address">The new address.</param>
    /// <param name="port">The new port; 0 to keep it.</param>
    /// <returns>This builder.</returns>
    public NftRuleBuilder DestinationNat(IPAddress address, ushort port = 0) => Nat(destination: true, address, port);

    /// <summary>Translates the source: <c>snat to A:P</c>.</summary>
    /// <param name="address">The new address.</param>
    /// <param name="port">The new port; 0 to keep it.</param>
    /// <returns>This builder.</returns>
    public NftRuleBuilder SourceNat(IPAddress address, ushort port = 0) => Nat(destination: false, address, port);

    /// <summary>Translates the destination to this host: <c>redirect to :P</c>.</summary>
    /// <param name="port">The new port; 0 to keep it.</param>
    /// <returns>This builder.</returns>
    public NftRuleBuilder Redirect(ushort port = 0)
    {
        if (port == 0)
            return Add(new NftRedirect());
        Add(new NftImmediate(new NftData(NftKey.Port(port)), NftRegister.R1));
        return Add(new NftRedirect { Port = NftRegister.R1, Options = NftNatOptions.PortsSpecified });
    }

    /// <summary>Sets bits of the packet's mark: <c>meta mark set meta mark and … xor …</c>.</summary>
    /// <param name="value">The new value of the bits.</param>
    /// <param name="mask">The bits that are set; others stay.</param>
    /// <returns>This builder.</returns>
    public NftRuleBuilder SetMark(uint value, uint mask = uint.MaxValue)
    {
        if (mask == uint.MaxValue)
            Add(new NftImmediate(new NftData(NftKey.Number(value)), NftRegister.R1));
        else
            Add(new NftMeta(NftMetaKey.Mark)).Add(new NftBitwise(NftKey.Number(~mask), NftKey.Number(value & mask)));
        return Add(new NftMeta(NftMetaKey.Mark, Set: true));
    }

    private NftRuleBuilder AddressIn(NftSetReference set, bool ipv4, bool source, bool inverted) =>
        LoadAddress(source, ipv4).Add(new NftLookup(set, Inverted: inverted));

    private NftRuleBuilder Nat(bool destination, IPAddress address, ushort port)
    {
        ArgumentNullException.ThrowIfNull(address);
        var bytes = address.GetAddressBytes();
        Add(new NftImmediate(new NftData(bytes), NftRegister.R1));
        if (port != 0)
            Add(new NftImmediate(new NftData(NftKey.Port(port)), NftRegister.R2));
        return Add(new NftNat(destination, bytes.Length == 4 ? NftFamily.Ip : NftFamily.Ip6)
        {
            Address = NftRegister.R1,
            Port = port == 0 ? null : NftRegister.R2,
            Options = port == 0 ? NftNatOptions.None : NftNatOptions.PortsSpecified,
        });
    }
}
