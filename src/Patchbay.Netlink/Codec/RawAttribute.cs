namespace Patchbay.Netlink.Codec;

/// <summary>An attribute that the library does not interpret, kept as it came.</summary>
/// <param name="Type">Attribute type, without flag bits.</param>
/// <param name="Payload">Its bytes.</param>
public readonly record struct RawAttribute(ushort Type, ReadOnlyMemory<byte> Payload);
