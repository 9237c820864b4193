using Patchbay.Cni.Model;
using Patchbay.Netlink;
using Patchbay.Plugins.Ipam.Dhcp.Leases;

namespace Patchbay.Plugins.Ipam.Dhcp;

/// <summary>DEL and GC when no daemon runs: the plugin itself gives back what is on disk, and removes the files.</summary>
internal sealed class AbsentDaemon(DhcpConfig config, Action<string> note)
{
    private const int Patience = 250; // times 20 ms

    /// <summary>Does with the daemon what can be done with it, or else with its files.</summary>
    /// <param name="config">Where the daemon is.</param>
    /// <param name="note">Told what happened without it.</param>
    /// <param name="ask">What to ask a daemon that runs.</param>
    /// <param name="choose">Which of the leases on disk go.</param>
    internal static void Otherwise(DhcpConfig config, Action<string> note, Action<DaemonClient> ask, Func<LeaseKey, bool> choose)
    {
        for (int i = 0; ; i++)
        {
            using (var daemon = DaemonClient.TryConnect(config.SocketPath, out _))
            {
                if (daemon is not null)
                {
                    ask(daemon);
                    return;
                }
            }

            if (!Directory.Exists(config.StateDirectory))
                return;
            // Who has the lock is a daemon that starts or ends, or another plugin that does the same as we.
            using (var store = LeaseStore.TryOpen(config.StateDirectory))
            {
                if (store is not null)
                {
                    new AbsentDaemon(config, note).Release(store, choose);
                    return;
                }
            }

            if (i == Patience)
                throw new CniException(CniError.TryAgainLater, $"dhcp: the leases in {config.StateDirectory} are in use by a process that does not answer at {config.SocketPath}");
            _ = Libc.Poll([], 20);
        }
    }

    private void Release(LeaseStore store, Func<LeaseKey, bool> choose)
    {
        string bootId = BootClock.BootId();
        foreach (var lease in store.Load(note))
        {
            if (!choose(lease.Key))
                continue;
            if (lease.BootId == bootId)
                Tell(lease);
            store.Remove(lease.Key);
        }
    }

    private void Tell(Lease lease)
    {
        try
        {
            using var channel = LeaseChannel.Open(lease.Place.NetnsPath, "", lease.Key.IfName, expected: lease.Place);
            var message = LeaseMachine.MakeRelease(lease.Ack, lease.Settings, channel.Place.Hardware, (uint)Random.Shared.NextInt64(uint.MaxValue));
            channel.Send(message, message.ClientAddress, message.Server, lease.ServerHardware);
            note($"dhcp: no daemon at {config.SocketPath}: released {lease.Key} without it");
        }
        catch (Exception error) when (error is CniException or IOException or NetlinkException)
        {
            note($"dhcp: no daemon at {config.SocketPath}: forgot {lease.Key}, and its server cannot be told: {error.Message}");
        }
    }
}
