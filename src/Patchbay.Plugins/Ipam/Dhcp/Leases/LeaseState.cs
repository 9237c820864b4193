namespace Patchbay.Plugins.Ipam.Dhcp.Leases;

/// <summary>The states of RFC 2131 figure 5, and the end.</summary>
internal enum LeaseState
{
    /// <summary>Nothing asked yet, or a pause between two attempts.</summary>
    Init,

    /// <summary>DHCPDISCOVER sent, waiting for an offer.</summary>
    Selecting,

    /// <summary>DHCPREQUEST for an offer sent.</summary>
    Requesting,

    /// <summary>After a restart: asked whether the address is still ours (INIT-REBOOT, REBOOTING).</summary>
    Rebooting,

    /// <summary>The address is ours.</summary>
    Bound,

    /// <summary>Asking its server to prolong it.</summary>
    Renewing,

    /// <summary>Asking any server to prolong it.</summary>
    Rebinding,

    /// <summary>No lease was given, or it is lost: the machine does nothing more.</summary>
    Ended,
}

/// <summary>What the machine wants done, or tells.</summary>
internal enum LeaseEvent
{
    /// <summary>Send the message to everyone, from no address.</summary>
    Broadcast,

    /// <summary>Send the message to the server, from the lease's address.</summary>
    Unicast,

    /// <summary>A lease was given or prolonged: <see cref="LeaseMachine.Ack"/>.</summary>
    Bound,

    /// <summary>No lease was given; the text says why.</summary>
    Failed,

    /// <summary>The lease is gone and its address must not be used any more; the text says why.</summary>
    Lost,
}
