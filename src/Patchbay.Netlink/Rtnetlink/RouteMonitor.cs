using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>Notifications about changes of links, addresses, routes, rules and neighbours: <c>ip monitor</c>.</summary>
/// <remarks>Subscribe first, then list, then follow: so no change is missed in between.</remarks>
public sealed class RouteMonitor : IDisposable
{
    private readonly NetlinkChannel _channel;
    private readonly byte[] _buffer = new byte[64 * 1024];

    internal RouteMonitor(NetlinkChannel channel) => _channel = NetlinkTrace.Wrap(channel);

    /// <summary>Opens a monitor in the calling thread's namespace.</summary>
    /// <param name="groups">What to hear of.</param>
    /// <returns>The monitor.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public static RouteMonitor Open(params ReadOnlySpan<RouteGroup> groups)
    {
        var channel = KernelChannel.Open(NetlinkFamily.Route);
        try
        {
            foreach (var group in groups)
                channel.Join((uint)group);
        }
        catch
        {
            channel.Dispose();
            throw;
        }

        return new RouteMonitor(channel);
    }

    /// <summary>Opens a monitor in another namespace.</summary>
    /// <param name="networkNamespace">Where.</param>
    /// <param name="groups">What to hear of.</param>
    /// <returns>The monitor; it hears of that namespace whichever thread uses it.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public static RouteMonitor Open(NetworkNamespace networkNamespace, params ReadOnlySpan<RouteGroup> groups)
    {
        ArgumentNullException.ThrowIfNull(networkNamespace);
        var all = groups.ToArray();
        return networkNamespace.Run(() => Open(all));
    }

    /// <summary>Waits for notifications and hands them over, one call for each change.</summary>
    /// <param name="timeoutMilliseconds">How long to wait for the first; -1 for ever.</param>
    /// <param name="changed">Receives each change: <see cref="Link"/>, <see cref="InterfaceAddress"/>, <see cref="Route"/>, <see cref="Rule"/> or <see cref="Neighbour"/>.</param>
    /// <returns>False when the time was over.</returns>
    /// <exception cref="NetlinkException">With <see cref="Errno.NoBuffers"/>: changes came faster than they were taken and some were lost; list anew.</exception>
    public bool Receive(int timeoutMilliseconds, Action<RouteChange> changed)
    {
        ArgumentNullException.ThrowIfNull(changed);
        var length = _channel.Receive(_buffer, timeoutMilliseconds);
        if (length == 0)
            return false;
        var messages = new MessageReader(_buffer.AsSpan(0, length));
        while (messages.Next())
        {
            object? subject = messages.Type switch
            {
                RouteMessageType.NewLink or RouteMessageType.DeleteLink when OfBridge(messages) => null,
                RouteMessageType.NewLink or RouteMessageType.DeleteLink => Link.Decode(messages),
                RouteMessageType.NewAddress or RouteMessageType.DeleteAddress => InterfaceAddress.Decode(messages),
                RouteMessageType.NewRoute or RouteMessageType.DeleteRoute => Route.Decode(messages),
                RouteMessageType.NewRule or RouteMessageType.DeleteRule => Rule.Decode(messages),
                RouteMessageType.NewNeighbour or RouteMessageType.DeleteNeighbour => Neighbour.Decode(messages),
                _ => null,
            };
            if (subject is not null)
                changed(new RouteChange(subject, Deleted: (messages.Type & 3) == 1)); // of each four types the second deletes
        }

        return true;
    }

    // With family AF_BRIDGE these tell of a port: "deleted" means that a link left its bridge, not that it is gone.
    private static bool OfBridge(scoped in MessageReader message) => message.Payload is [(byte)AddressFamily.Bridge, ..];

    /// <inheritdoc/>
    public void Dispose() => _channel.Dispose();
}

/// <summary>One change that a <see cref="RouteMonitor"/> reports.</summary>
/// <param name="Subject">A <see cref="Link"/>, <see cref="InterfaceAddress"/>, <see cref="Route"/>, <see cref="Rule"/> or <see cref="Neighbour"/>.</param>
/// <param name="Deleted">True when it is gone; false when it is new or changed.</param>
public readonly record struct RouteChange(object Subject, bool Deleted);

/// <summary>Groups of notifications (RTNLGRP_*, include/uapi/linux/rtnetlink.h).</summary>
public enum RouteGroup : uint
{
    /// <summary>Links.</summary>
    Link = 1,

    /// <summary>Neighbours.</summary>
    Neighbour = 3,

    /// <summary>IPv4 addresses.</summary>
    IPv4Address = 5,

    /// <summary>IPv4 routes.</summary>
    IPv4Route = 7,

    /// <summary>IPv4 rules.</summary>
    IPv4Rule = 8,

    /// <summary>IPv6 addresses.</summary>
    IPv6Address = 9,

    /// <summary>IPv6 routes.</summary>
    IPv6Route = 11,

    /// <summary>IPv6 rules.</summary>
    IPv6Rule = 19,
}
