using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Ipam.Dhcp.Protocol;

namespace Patchbay.Tests.Ipam.Dhcp;

/// <summary>What a server says.</summary>
internal static class Messages
{
    internal const uint Server = 0x0a050001; // 10.5.0.1
    internal const uint Address = 0x0a050024; // 10.5.0.36

    internal static MacAddress Mac { get; } = new(0xfabe57f5e99f);

    internal static DhcpMessage Answer(DhcpMessageType type, uint transaction, uint address = Address, uint lease = 120, uint server = Server, params (byte Code, byte[] Value)[] more)
    {
        var message = new DhcpMessage { IsRequest = false, TransactionId = transaction, YourAddress = type == DhcpMessageType.Nak ? 0 : address, Hardware = Mac };
        message.Options.Set(DhcpOption.MessageType, (byte)type);
        if (server != 0)
            message.Options.SetNumber(DhcpOption.ServerIdentifier, server);
        if (type != DhcpMessageType.Nak)
        {
            message.Options.SetNumber(DhcpOption.LeaseTime, lease);
            message.Options.SetNumber(DhcpOption.SubnetMask, 0xffffff00);
        }

        foreach (var (code, value) in more)
            message.Options.Set(code, value);
        return message;
    }

    internal static byte[] Bytes(string hex) => Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));
}
