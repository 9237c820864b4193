namespace Patchbay.Netlink.Netfilter;

/// <summary>Names an object in error texts, as nft(8) would: <c>inet t c</c>. Put together only when an error needs it.</summary>
internal sealed class NftName(NftFamily family, string? table = null, string? name = null, ulong handle = 0)
{
    public override string ToString()
    {
        var text = table is null ? family.Word() : $"{family.Word()} {table}";
        if (name is not null)
            text += $" {name}";
        return handle == 0 ? text : $"{text} handle {handle}";
    }
}
