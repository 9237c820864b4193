using System.Text;

namespace Patchbay.Plugins.Ipam.HostLocal;

/// <summary>The attachment that holds an address, as a reservation file names it.</summary>
internal readonly struct Owner
{
    internal Owner(string containerId, string ifName)
    {
        ContainerId = containerId;
        Content = Encoding.UTF8.GetBytes($"{containerId}\r\n{ifName}");
        Legacy = Encoding.UTF8.GetBytes(containerId);
        Hash = HashOf(Content);
        LegacyHash = HashOf(Legacy);
    }

    internal string ContainerId { get; }

    internal byte[] Content { get; }

    /// <summary>What versions before 0.7 of the reference wrote: the container alone.</summary>
    internal byte[] Legacy { get; }

    internal ulong Hash { get; }

    internal ulong LegacyHash { get; }

    /// <summary>
    /// The index's key for a file's content, never 0: 64-bit FNV-1a with a last mixing step, so that its low bits depend on all of the text. Every hit is
    /// compared with the file itself, hence nothing stronger is needed; a cryptographic hash would bring a TLS library into the executable.
    /// </summary>
    internal static ulong HashOf(ReadOnlySpan<byte> content)
    {
        ulong hash = 0xcbf29ce484222325;
        foreach (byte b in content)
            hash = (hash ^ b) * 0x100000001b3;
        hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccd;
        hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53;
        hash ^= hash >> 33;
        return hash == 0 ? 1 : hash;
    }
}
