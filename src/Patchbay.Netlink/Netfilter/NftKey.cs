using System.Net;
using System.Runtime.InteropServices;
using System.Text;

namespace Patchbay.Netlink.Netfilter;

/// <summary>Builds the bytes of keys and data.</summary>
public static class NftKey
{
    /// <summary>An address.</summary>
    /// <param name="address">4 or 16 bytes.</param>
    /// <returns>The bytes.</returns>
    public static byte[] Of(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return address.GetAddressBytes();
    }

    /// <summary>A port.</summary>
    /// <param name="port">The port.</param>
    /// <returns>Two bytes in network order.</returns>
    public static byte[] Port(ushort port) => [(byte)(port >> 8), (byte)port];

    /// <summary>A number that the kernel keeps in the machine's order, such as a mark.</summary>
    /// <param name="number">The number.</param>
    /// <returns>Four bytes.</returns>
    public static byte[] Number(uint number)
    {
        var bytes = new byte[4];
        MemoryMarshal.Write(bytes, number);
        return bytes;
    }

    /// <summary>The name of an interface.</summary>
    /// <param name="name">At most 15 bytes.</param>
    /// <returns>16 bytes, filled up with zeros.</returns>
    /// <exception cref="ArgumentException">The name is too long.</exception>
    public static byte[] Interface(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        var bytes = new byte[16];
        if (Encoding.UTF8.GetByteCount(name) > 15)
            throw new ArgumentException($"the interface name \"{name}\" is longer than 15 bytes", nameof(name));
        Encoding.UTF8.GetBytes(name, bytes);
        return bytes;
    }

    /// <summary>Parts one after another, each filled up to four bytes: the key of a concatenation.</summary>
    /// <param name="parts">The parts.</param>
    /// <returns>The bytes.</returns>
    public static byte[] Concatenate(params ReadOnlySpan<byte[]> parts)
    {
        var length = 0;
        foreach (var part in parts)
            length += (part.Length + 3) & ~3;
        var bytes = new byte[length];
        var at = 0;
        foreach (var part in parts)
        {
            part.CopyTo(bytes, at);
            at += (part.Length + 3) & ~3;
        }

        return bytes;
    }

    /// <summary>The first and last address of a prefix.</summary>
    /// <param name="address">An address inside.</param>
    /// <param name="prefixLength">Length in bits.</param>
    /// <returns>The bytes of both.</returns>
    public static (byte[] First, byte[] Last) Prefix(IPAddress address, int prefixLength)
    {
        var first = Of(address);
        ArgumentOutOfRangeException.ThrowIfNegative(prefixLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(prefixLength, first.Length * 8);
        var last = (byte[])first.Clone();
        for (var i = 0; i < first.Length; i++)
        {
            var mask = MaskByte(prefixLength, i);
            first[i] &= mask;
            last[i] |= (byte)~mask;
        }

        return (first, last);
    }

    /// <summary>Byte number <paramref name="index"/> of the mask of a prefix.</summary>
    internal static byte MaskByte(int prefixLength, int index) => (byte)(0xff00 >> Math.Clamp(prefixLength - (index * 8), 0, 8));

    /// <summary>Adds one to a number in network order; null when it overflows.</summary>
    internal static byte[]? Successor(ReadOnlySpan<byte> key)
    {
        var next = key.ToArray();
        for (var i = next.Length - 1; i >= 0; i--)
        {
            if (++next[i] != 0)
                return next;
        }

        return null;
    }

    /// <summary>Takes one from a number in network order that is not zero.</summary>
    internal static byte[] Predecessor(ReadOnlySpan<byte> key)
    {
        var previous = key.ToArray();
        for (var i = previous.Length - 1; i >= 0 && previous[i]-- == 0; i--)
        {
        }

        return previous;
    }
}
