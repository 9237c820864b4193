using System.Net.Sockets;
using Patchbay.Netlink;
using Patchbay.Policy.CloudFoundry;
using Patchbay.Policy.Overlay.Leases;

namespace Patchbay.Policy.Overlay.Agent;

/// <summary>Takes a host out of the overlay. All steps are tried, and told together where they fail.</summary>
internal static class Teardown
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);

    /// <exception cref="OverlayException">The host has containers, or the device is somebody else's: nothing was done.</exception>
    /// <exception cref="AggregateException">Steps that failed; the others are done.</exception>
    internal static async Task RunAsync(OverlayConfiguration configuration, bool wait, bool force, TimeProvider clock, CancellationToken cancel)
    {
        configuration.Check();
        if (await IsListeningAsync(configuration, cancel))
            throw new OverlayException($"the agent still runs: {configuration.HealthCheckHost}:{configuration.HealthCheckPort} answers; stop it first, since it would take a lease again");
        using ILeaseSource source = OverlayAgent.OpenSource(configuration);
        using var vtep = new Vtep(configuration);
        Lease? lease = vtep.FindLease();
        var containers = new LocalContainers(configuration.Datastore);
        while (!force && await containers.HindranceAsync(cancel) is { } hindrance)
        {
            if (!wait)
                throw new OverlayException($"{hindrance}; move them to other hosts, or say --wait or --force");
            await Task.Delay(LookInterval, clock, cancel);
        }

        var failures = new List<Exception>();
        // The device first: a lease that is given back may be another host's at once.
        Try(vtep.Delete);
        if (lease is not null && configuration.SubnetFile.Length > 0)
            Try(() => File.Delete(configuration.SubnetFile));
        try
        {
            await source.ReleaseAsync(configuration.Underlay, cancel);
        }
        catch (Exception e) when (e is UpstreamException or InvalidDataException or LeaseConflictException)
        {
            failures.Add(e);
        }

        if (failures.Count > 0)
            throw new AggregateException(string.Join("; ", failures.Select(each => each.Message)), failures);

        void Try(Action step)
        {
            try
            {
                step();
            }
            catch (Exception e) when (e is NetlinkException or IOException or UnauthorizedAccessException)
            {
                failures.Add(e);
            }
        }
    }

    private static async Task<bool> IsListeningAsync(OverlayConfiguration configuration, CancellationToken cancel)
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(configuration.HealthCheckHost, configuration.HealthCheckPort, cancel);
            return true;
        }
        catch (SocketException)
        {
            return false; // nobody is there, as it should be
        }
    }
}
