using System.Runtime.InteropServices;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>struct tcmsg (include/uapi/linux/rtnetlink.h), and the attributes that all of traffic control shares (TCA_*).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TcHeader
{
    internal const ushort Kind = 1;
    internal const ushort Options = 2;
    internal const ushort Chain = 11;

    internal byte Family;
    internal byte Pad1;
    internal ushort Pad2;
    internal int Link;
    internal uint Handle;
    internal uint Parent;
    internal uint Info;
}
