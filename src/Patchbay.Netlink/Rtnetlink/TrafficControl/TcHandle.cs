using System.Globalization;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>Names a queueing discipline, one of its classes, or a place where one can be attached: 16 bits before and 16 after the colon (TC_H_*, include/uapi/linux/pkt_sched.h).</summary>
/// <param name="Value">The number.</param>
public readonly record struct TcHandle(uint Value)
{
    /// <summary>Creates the handle <c>MAJOR:MINOR</c>.</summary>
    /// <param name="major">The queueing discipline.</param>
    /// <param name="minor">The class in it; 0 for the discipline itself.</param>
    public TcHandle(ushort major, ushort minor)
        : this((uint)(major << 16 | minor))
    {
    }

    /// <summary>TC_H_UNSPEC: none, or the kernel's choice.</summary>
    public static TcHandle None => default;

    /// <summary>TC_H_ROOT: where a link's own queueing discipline is attached.</summary>
    public static TcHandle Root => new(0xffffffff);

    /// <summary>TC_H_INGRESS and TC_H_CLSACT: where the disciplines <c>ingress</c> and <c>clsact</c> are attached.</summary>
    public static TcHandle Ingress => new(0xfffffff1);

    /// <summary><c>ffff:</c>, the handle of <c>ingress</c> and <c>clsact</c>; parent of the filters of the former.</summary>
    public static TcHandle IngressQdisc => new(0xffff0000);

    /// <summary>Parent of clsact's filters on packets that come in (TC_H_MIN_INGRESS).</summary>
    public static TcHandle ClsactIngress => new(0xfffffff2);

    /// <summary>Parent of clsact's filters on packets that go out (TC_H_MIN_EGRESS).</summary>
    public static TcHandle ClsactEgress => new(0xfffffff3);

    /// <summary>The number before the colon.</summary>
    public ushort Major => (ushort)(Value >> 16);

    /// <summary>The number after the colon.</summary>
    public ushort Minor => (ushort)Value;

    /// <summary>The handle as tc(8) writes it: <c>1:</c>, <c>1:10</c> (hexadecimal), <c>root</c>, <c>none</c>.</summary>
    /// <returns>The text.</returns>
    public override string ToString()
    {
        if (this == Root)
            return "root";
        if (this == None)
            return "none";
        return Minor == 0 ? string.Create(CultureInfo.InvariantCulture, $"{Major:x}:") : string.Create(CultureInfo.InvariantCulture, $"{Major:x}:{Minor:x}");
    }
}
