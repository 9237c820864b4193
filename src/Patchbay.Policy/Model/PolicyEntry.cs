using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Patchbay.Policy.Model;

/// <summary>A policy with its text for agents, made once and shared by all snapshots that have it.</summary>
internal sealed class PolicyEntry
{
    private readonly int _tagLength;
    private readonly byte[] _v1;
    private byte[]? _v0;

    internal PolicyEntry(StoredPolicy stored, int tagLength)
    {
        Stored = stored;
        _tagLength = tagLength;
        _v1 = PolicyJson.Internal(stored, ApiVersion.V1, tagLength);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(_v1, hash);
        Hash = BinaryPrimitives.ReadUInt128LittleEndian(hash);
    }

    internal StoredPolicy Stored { get; }

    /// <summary>A number that follows from the text alone, so that all servers have the same one.</summary>
    internal UInt128 Hash { get; }

    // Most agents of a cell ask in one form; the other is made when somebody asks in it. Two at once make equal bytes.
    internal byte[] Text(ApiVersion version) =>
        version == ApiVersion.V1 ? _v1 : _v0 ??= PolicyJson.Internal(Stored, ApiVersion.V0, _tagLength);
}
