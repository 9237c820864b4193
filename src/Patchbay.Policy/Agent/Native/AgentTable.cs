using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Netfilter.Expressions;
using Patchbay.Policy.Agent.Containers;
using Patchbay.Policy.Agent.Plan;

namespace Patchbay.Policy.Agent.Native;

/// <summary>
/// What of <c>table ip cf_networking</c> is the agent's, and the few rules that must be there for it. The table is the CNI wrapper's too, who makes whatever is
/// missing the same way; docs/policy.md shows it as nft(8) does and says who owns what.
/// </summary>
internal static class AgentTable
{
    internal const NftFamily Family = NftFamily.Ip;
    internal const string Name = "cf_networking";

    /// <summary>The base chain; the wrapper's and ours.</summary>
    internal const string Forward = "forward";

    /// <summary>Which connections between containers are allowed.</summary>
    internal const string Policies = "policies";

    /// <summary>What happens to those that are.</summary>
    internal const string Accepted = $"{Prefix}accepted";

    /// <summary>What happens to packets of connections whose policy was revoked.</summary>
    internal const string Revoked = $"{Prefix}revoked";

    /// <summary>Names of what the agent makes besides begin so; the wrapper leaves those alone.</summary>
    internal const string Prefix = "agent-";

    private const string WrapperComment = "cf: ";
    private const string RevokedComment = "policy agent: revoked";
    private const string IsolationComment = "policy agent: isolation";

    private static NftDataType Address => NftDataType.Ipv4Address;

    private static NftDataType AllowedKey { get; } = NftDataType.Concatenation(NftDataType.Mark, NftDataType.Ipv4Address, NftDataType.InetProtocol, NftDataType.InetService);

    /// <summary>The marks that packets from containers get, by their addresses.</summary>
    internal static NftSet SourceTags { get; } = new(Family, Name, "source_tags", Address) { DataType = NftDataType.Mark };

    /// <summary>Mark, destination, protocol and port of what is allowed.</summary>
    internal static NftSet Allowed { get; } = new(Family, Name, $"{Prefix}allowed", AllowedKey);

    /// <summary>The same for ranges of ports.</summary>
    internal static NftSet AllowedRanges { get; } = new(Family, Name, $"{Prefix}allowed-ranges", AllowedKey) { Interval = true };

    /// <summary>What happens to packets to a container that nobody accepted.</summary>
    internal static NftSet Isolated { get; } = new(Family, Name, $"{Prefix}isolated", Address) { DataType = NftDataType.Verdict };

    /// <summary>Where accepted packets are logged.</summary>
    internal static NftSet AcceptedLogs { get; } = new(Family, Name, $"{Prefix}accepted-logs", Address) { DataType = NftDataType.Verdict };

    /// <summary>The chains of security groups, by container. The wrapper looks them up; without the agent they are its own.</summary>
    internal static NftSet SecurityGroups { get; } = new(Family, Name, "security_groups", Address) { DataType = NftDataType.Verdict };

    /// <summary>The wrapper's map of what happens to packets to its containers that no policy accepts; looked at, never touched.</summary>
    internal static NftSet WrappersContainers { get; } = new(Family, Name, "containers", Address) { DataType = NftDataType.Verdict };

    internal static IReadOnlyList<NftSet> Sets { get; } = [SourceTags, Allowed, AllowedRanges, Isolated, AcceptedLogs, SecurityGroups];

    /// <summary>Whether an element is the agent's to remove.</summary>
    internal static bool Owns(NftSet set, NftSetElement element) =>
        set.Name != SecurityGroups.Name || element.Data.Verdict?.Chain?.StartsWith($"{SharedChain.Groups}-", StringComparison.Ordinal) == true;

    /// <summary>The rules that <c>forward</c> needs, in this order; those of the wrapper word for word as it writes them.</summary>
    internal static IReadOnlyList<NftRule> ForwardRules { get; } =
    [
        Rule($"{WrapperComment}source tags", New().LoadAddress(source: true, ipv4: true).Add(new NftLookup(new NftSetReference(SourceTags.Name), Destination: NftRegister.R1)).Add(new NftMeta(NftMetaKey.Mark, Set: true))),
        Rule($"{WrapperComment}replies", New().State(NftConnectionState.Established | NftConnectionState.Related).Accept()),
        Rule($"{WrapperComment}policies", New().Jump(Policies)),
        Rule(IsolationComment, New().LoadAddress(source: false, ipv4: true).VerdictFrom(new NftSetReference(Isolated.Name))),
    ];

    /// <summary>The rule that comes before those where revoked connections are cut.</summary>
    internal static NftRule RevokedRule { get; } = Rule(
        RevokedComment,
        New().Add(new NftConnection(NftConnectionKey.Mark)).Add(new NftBitwise(NftKey.Number(RevokedConnections.Mask), NftKey.Number(0)))
            .Add(new NftCompare(NftOperator.Equal, NftKey.Number(RevokedConnections.Flag))).Goto(Revoked));

    /// <summary>Whether a rule of <c>forward</c> is the one that is last of all, or one of those that come first.</summary>
    internal static bool IsIsolation(NftRule rule) => rule.Comment == IsolationComment;

    /// <summary>What nft(8) calls a family.</summary>
    internal static string Word(NftFamily family) => family == NftFamily.Inet ? "inet" : "ip";

    internal static NftRuleBuilder New() => new(Family);

    internal static byte[] Key(Ipv4 address) => address.Bytes;

    internal static NftSetElement Element(AllowedPorts allowed, AppPair apps)
    {
        string comment = Comment($"src:{apps.Source}_dst:{apps.Destination}");
        if (allowed.First == allowed.Last)
            return new NftSetElement(Key(NftKey.Number(allowed.Tag), allowed, allowed.First)) { Comment = comment };
        // Ranges compare bytes, so nft(8) has the mark in network order there; and so have we, or it would show another number.
        byte[] tag = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(tag, allowed.Tag);
        return new NftSetElement(Key(tag, allowed, allowed.First)) { LastKey = Key(tag, allowed, allowed.Last), Comment = comment };
    }

    /// <summary>Reads back what <see cref="Element"/> wrote.</summary>
    internal static AllowedPorts ToAllowed(NftSetElement element)
    {
        ReadOnlySpan<byte> key = element.Key.Span, last = element.LastKey.IsEmpty ? key : element.LastKey.Span;
        uint tag = element.LastKey.IsEmpty ? MemoryMarshal.Read<uint>(key) : BinaryPrimitives.ReadUInt32BigEndian(key);
        return new AllowedPorts(
            tag, Ipv4.Of(key[4..8]), key[8], BinaryPrimitives.ReadUInt16BigEndian(key[12..14]), BinaryPrimitives.ReadUInt16BigEndian(last[12..14]));
    }

    internal static Ipv4 ToAddress(NftSetElement element) => Ipv4.Of(element.Key.Span);

    /// <summary>A comment, cut to what the kernel takes.</summary>
    internal static string Comment(string text) => text.Length <= 127 ? text : text[..127];

    /// <summary>Whose permission an element is: <c>src:A_dst:B</c>.</summary>
    internal static AppPair AppsOf(NftSetElement element)
    {
        // Ids may have "_" in them, but a text that looks like the middle is no id.
        int middle = element.Comment?.IndexOf("_dst:", StringComparison.Ordinal) ?? -1;
        return middle > 4 ? new AppPair(element.Comment![4..middle], element.Comment[(middle + 5)..]) : default;
    }

    private static byte[] Key(byte[] tag, AllowedPorts allowed, ushort port) => NftKey.Concatenate(tag, allowed.Address.Bytes, [allowed.Protocol], NftKey.Port(port));

    private static NftRule Rule(string comment, NftRuleBuilder rule) => new(Family, Name, Forward, rule.Build()) { Comment = comment };
}
