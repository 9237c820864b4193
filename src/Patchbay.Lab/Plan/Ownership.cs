using System.Globalization;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Lab.Plan;

/// <summary>
/// By what a lab knows its things again, and nobody else's: a group number and an alternative name on each interface (a namespace has
/// them on its <c>lo</c>), a protocol number on each address and route, and a table of nf_tables with the lab's name.
/// </summary>
/// <remarks>
/// The group is there from the moment when the kernel makes an interface, the name comes a moment later; whoever is killed in between leaves
/// something that has the group and no alternative name. No state on disk is needed to find all of it.
/// </remarks>
internal sealed class Ownership(string lab)
{
    /// <summary>Who gave an address (IFA_PROTO) or a route (rtm_protocol); free in rtnetlink.h and in iproute2's rt_protos.</summary>
    public const byte Protocol = 0x70;

    private const string Prefix = "patchbay+";
    private const string LoanPrefix = "patchbay-loan+";

    private readonly string _loanPrefix = $"{LoanPrefix}{lab}+";

    public string Lab => lab;

    /// <summary>The lab's group of interfaces: 0x50 and 24 bits of its name.</summary>
    public uint Group { get; } = 0x5000_0000 | (uint)(StableHash.Of(lab) & 0xff_ffff);

    /// <summary>What the file of a node's name says when no namespace is mounted on it.</summary>
    public string Label { get; } = $"{Prefix}{lab}\n";

    /// <summary>The lab's table of nf_tables, in each namespace that needs one.</summary>
    public string Table { get; } = $"patchbay_{lab}";

    /// <summary>The alternative name of an interface; it also says what cannot be changed once an interface is there.</summary>
    public string Mark(string node, string device, params ReadOnlySpan<string> structure) =>
        string.Create(CultureInfo.InvariantCulture, $"{Prefix}{lab}+{StableHash.Text([node, device, .. structure])}");

    /// <summary>Whether an interface was made by this lab.</summary>
    public bool Owns(Link link)
    {
        if (link.Group != Group)
            return false;
        foreach (var name in link.AlternativeNames)
        {
            if (name.StartsWith(Prefix, StringComparison.Ordinal))
                return OfThisLab(name);
        }

        return link.AlternativeNames.Count == 0 && link.Kind is not null;
    }

    /// <summary>The mark that an interface has; null when it has none of this lab's.</summary>
    public string? MarkOf(Link link)
    {
        foreach (var name in link.AlternativeNames)
        {
            if (OfThisLab(name))
                return name;
        }

        return null;
    }

    /// <summary>The alternative name of an interface that the host lends: all that is needed to give it back. It has no other mark, so that nothing takes it for the lab's to delete.</summary>
    public string MarkOf(Loan loan) => string.Create(CultureInfo.InvariantCulture, $"{_loanPrefix}{loan.Home}+{(loan.IsUp ? "up" : "down")}+{loan.Mac.Value:x}+{loan.Mtu}+{loan.Name}");

    /// <summary>What an interface is at home, if the host has lent it to this lab.</summary>
    public Loan? LoanOf(Link link)
    {
        foreach (var name in link.AlternativeNames)
        {
            if (name.StartsWith(_loanPrefix, StringComparison.Ordinal) && name[_loanPrefix.Length..].Split('+', 5) is [var home, var state, var mac, var mtu, var original]
                && ulong.TryParse(home, CultureInfo.InvariantCulture, out var inode) && ulong.TryParse(mac, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var address)
                && int.TryParse(mtu, CultureInfo.InvariantCulture, out var length))
                return new Loan(inode, state == "up", new MacAddress(address), length, original);
        }

        return null;
    }

    /// <summary>The lab whose mark an interface has; null when no lab made it.</summary>
    public static string? LabOf(Link link)
    {
        foreach (var name in link.AlternativeNames)
        {
            if (name.StartsWith(Prefix, StringComparison.Ordinal) && name.LastIndexOf('+') is var end && end > Prefix.Length)
                return name[Prefix.Length..end];
            if (name.StartsWith(LoanPrefix, StringComparison.Ordinal))
                return name[LoanPrefix.Length..].Split('+')[0];
        }

        return null;
    }

    private bool OfThisLab(string name) =>
        name.Length == Prefix.Length + lab.Length + 17 && name.StartsWith(Prefix, StringComparison.Ordinal)
        && string.CompareOrdinal(name, Prefix.Length, lab, 0, lab.Length) == 0 && name[Prefix.Length + lab.Length] == '+';
}

/// <summary>What an interface is at home, in the namespace from which a lab has it.</summary>
/// <param name="Home">The inode of that namespace.</param>
/// <param name="IsUp">Whether it was up.</param>
/// <param name="Mac">Its Ethernet address.</param>
/// <param name="Mtu">Its largest packet.</param>
/// <param name="Name">Its name.</param>
internal sealed record Loan(ulong Home, bool IsUp, MacAddress Mac, int Mtu, string Name);
