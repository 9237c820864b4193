using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Netfilter.Expressions;

/// <summary>An expression that this library does not interpret, kept as it came.</summary>
/// <param name="Kind">The kernel's name for it.</param>
/// <param name="Data">The bytes of NFTA_EXPR_DATA: whole attributes.</param>
public sealed record NftUnknown(string Kind, ReadOnlyMemory<byte> Data) : NftExpression
{
    /// <inheritdoc/>
    public override string Name => Kind;

    internal override void Encode(MessageWriter writer) => writer.Raw(Data.Span);
}
