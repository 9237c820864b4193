namespace Patchbay.Plugins.Ipam.Dhcp.Protocol;

/// <summary>The options that this client reads or writes (RFC 2132 unless said); all others pass through as bytes.</summary>
internal static class DhcpOption
{
    internal const byte Pad = 0;
    internal const byte SubnetMask = 1;
    internal const byte Routers = 3;
    internal const byte DomainNameServers = 6;
    internal const byte HostName = 12;
    internal const byte DomainName = 15;
    internal const byte InterfaceMtu = 26;
    internal const byte StaticRoutes = 33;
    internal const byte NtpServers = 42;
    internal const byte RequestedAddress = 50;
    internal const byte LeaseTime = 51;
    internal const byte Overload = 52;
    internal const byte MessageType = 53;
    internal const byte ServerIdentifier = 54;
    internal const byte ParameterRequestList = 55;
    internal const byte Message = 56;
    internal const byte MaximumMessageSize = 57;
    internal const byte RenewalTime = 58;
    internal const byte RebindingTime = 59;
    internal const byte VendorClass = 60;
    internal const byte ClientIdentifier = 61;
    internal const byte UserClass = 77;                 // RFC 3004
    internal const byte DomainSearch = 119;             // RFC 3397
    internal const byte ClasslessStaticRoutes = 121;    // RFC 3442
    internal const byte End = 255;

    /// <summary>An option as configurations name it.</summary>
    /// <param name="text">A name, or a number.</param>
    /// <returns>Its code, or null.</returns>
    internal static byte? Parse(string text) => text switch
    {
        "dhcp-client-identifier" => ClientIdentifier,
        "subnet-mask" => SubnetMask,
        "routers" => Routers,
        "host-name" => HostName,
        "user-class" => UserClass,
        "vendor-class-identifier" => VendorClass,
        _ => byte.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out byte code) ? code : null,
    };
}

/// <summary>Option 53.</summary>
internal enum DhcpMessageType : byte
{
    None = 0,
    Discover = 1,
    Offer = 2,
    Request = 3,
    Decline = 4,
    Ack = 5,
    Nak = 6,
    Release = 7,
}
