namespace Patchbay.Netlink.Netfilter.Expressions;

/// <summary>The registers between expressions: four of 16 bytes, which are also sixteen of 4 bytes (enum nft_registers).</summary>
public enum NftRegister
{
    /// <summary>NFT_REG_VERDICT: what is written here decides.</summary>
    Verdict = 0,

    /// <summary>NFT_REG_1: bytes 0 to 15.</summary>
    R1 = 1,

    /// <summary>NFT_REG_2: bytes 16 to 31.</summary>
    R2 = 2,

    /// <summary>NFT_REG_3: bytes 32 to 47.</summary>
    R3 = 3,

    /// <summary>NFT_REG_4: bytes 48 to 63.</summary>
    R4 = 4,

    /// <summary>NFT_REG32_00: bytes 0 to 3; the other small registers follow it by number, <c>W0 + n</c>.</summary>
    W0 = 8,

    /// <summary>NFT_REG32_01: bytes 4 to 7, where the second part of a concatenated key goes when the first has four bytes.</summary>
    W1 = 9,

    /// <summary>NFT_REG32_02.</summary>
    W2 = 10,

    /// <summary>NFT_REG32_03.</summary>
    W3 = 11,

    /// <summary>NFT_REG32_04: bytes 16 to 19, where the second part of a concatenated key goes when the first is an IPv6 address.</summary>
    W4 = 12,
}
