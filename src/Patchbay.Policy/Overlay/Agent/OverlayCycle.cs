using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Patchbay.Netlink;
using Patchbay.Policy.CloudFoundry;
using Patchbay.Policy.Overlay.Leases;

namespace Patchbay.Policy.Overlay.Agent;

/// <summary>One round: keep the lease, keep the device, go where the other hosts' leases are. What cannot be had leaves things as they are.</summary>
internal sealed class OverlayCycle(OverlayConfiguration configuration, ILeaseSource source, Vtep vtep, Metrics metrics, ILogger log, TimeProvider clock)
{
    private const int MostTold = 1000;

    private readonly LocalContainers _containers = new(configuration.Datastore);
    private readonly IReadOnlyList<Subnet> _networks = configuration.Networks;
    private readonly HashSet<string> _told = [];
    private Lease? _own;
    private IReadOnlyList<Lease> _others = [];
    private long _renewed = clock.GetTimestamp();
    private bool _started;
    private string? _lost;
    private string? _failed;

    /// <summary>What this host has, for those who ask; null before the first lease.</summary>
    internal (Lease Lease, int Mtu)? Network { get; private set; }

    /// <summary>Why the last round did not do everything; null when it did.</summary>
    internal string? Trouble => _lost ?? _failed;

    /// <exception cref="OverlayException">The agent must end; everything stays as it is.</exception>
    internal async Task RunAsync(CancellationToken cancel)
    {
        if (!_started)
            await DiscoverAsync(cancel);
        _started = true;
        bool isKept = _own is not null && await RenewAsync(_own, cancel);
        if (_own is null && !(isKept = await AcquireAsync(cancel)))
            return;
        IReadOnlyList<Lease>? told = isKept ? await AskAsync(cancel) : null;
        Apply(_own!, told);
    }

    // After a restart the device tells the lease.
    private async Task DiscoverAsync(CancellationToken cancel)
    {
        if (vtep.FindLease() is not { } lease)
            return;
        _own = lease;
        if (!_networks.Any(each => each.Contains(lease.Subnet)))
            await GiveUpAsync(lease, $"it is not within overlay_network ({string.Join(", ", _networks)})", cancel);
        else
            OverlayLog.HasLease(log, lease.ToString(), $"by {configuration.VtepName}, which is there");
    }

    private async Task<bool> RenewAsync(Lease own, CancellationToken cancel)
    {
        try
        {
            await source.RenewAsync(own, cancel);
            metrics.Count("renew", "Renewals of the lease.", "success");
            Keep();
            return true;
        }
        catch (LeaseConflictException e)
        {
            metrics.Count("renew", "Renewals of the lease.", "error");
            await GiveUpAsync(own, e.Message, cancel);
            return false;
        }
        catch (Exception e) when (e is UpstreamException or InvalidDataException)
        {
            metrics.Count("renew", "Renewals of the lease.", "error");
            double left = configuration.PartitionToleranceSeconds - clock.GetElapsedTime(_renewed).TotalSeconds;
            if (left <= 0)
                throw new OverlayException($"{source.Description} has not renewed lease {own.Subnet} for {configuration.PartitionToleranceSeconds} s (partition_tolerance_seconds), and may have given it to another host; everything stays as it is. {e.Message}", e);
            if (_lost is null)
                OverlayLog.SourceLost(log, Math.Floor(left), e.Message);
            _lost = e.Message;
            return false;
        }
    }

    private async Task<bool> AcquireAsync(CancellationToken cancel)
    {
        try
        {
            Lease lease = await source.AcquireAsync(configuration.Underlay, configuration.SingleIpOnly, cancel);
            Check(lease);
            metrics.Count("acquire", "Attempts to get a lease.", "success");
            OverlayLog.HasLease(log, lease.ToString(), $"from {source.Description}");
            _own = lease;
            Keep();
            return true;
        }
        catch (Exception e) when (e is UpstreamException or InvalidDataException or LeaseConflictException)
        {
            metrics.Count("acquire", "Attempts to get a lease.", "error");
            if (_lost != e.Message)
                OverlayLog.NoLease(log, e.Message);
            _lost = e.Message;
            return false;
        }
    }

    // The device remembers a lease by its Ethernet address, so it must be the one that follows from the subnet.
    private void Check(Lease lease)
    {
        if (lease != Lease.Of(lease.Underlay, lease.Subnet))
            throw new LeaseConflictException($"lease {lease} should have the Ethernet address {Lease.Of(lease.Underlay, lease.Subnet).Address}");
        if (lease.Subnet.Length != configuration.LeaseLength || !_networks.Any(each => each.Contains(lease.Subnet)))
            throw new LeaseConflictException($"lease {lease.Subnet} is no /{configuration.LeaseLength} within {string.Join(", ", _networks)}: subnet_prefix_length and overlay_network must be as at the controller");
    }

    private async Task<IReadOnlyList<Lease>?> AskAsync(CancellationToken cancel)
    {
        try
        {
            var problems = new List<string>();
            IReadOnlyList<Lease> told = await source.ActiveAsync(problems, cancel);
            Tell(problems);
            return told;
        }
        catch (Exception e) when (e is UpstreamException or InvalidDataException)
        {
            if (_lost is null)
                OverlayLog.Problem(log, $"the other hosts' leases could not be read, those of before count: {e.Message}");
            _lost = e.Message;
            return null;
        }
    }

    private void Apply(Lease own, IReadOnlyList<Lease>? told)
    {
        long start = Stopwatch.GetTimestamp();
        try
        {
            (int index, int mtu) = vtep.Ensure(own);
            WriteSubnet(own, mtu);
            Network = (own, mtu);
            if (told is not null || _others.Count > 0)
                Converge(index, own, told, start);
            _failed = null;
        }
        catch (Exception e) when (e is NetlinkException or InvalidDataException or IOException or UnauthorizedAccessException)
        {
            metrics.Count("converge", "Rounds in which the kernel was looked at and put right.", "error");
            if (_failed != e.Message)
                OverlayLog.ConvergeFailed(log, configuration.SubnetFile, e.Message);
            _failed = e.Message;
        }
    }

    private void Converge(int index, Lease own, IReadOnlyList<Lease>? told, long start)
    {
        var problems = new List<string>();
        // A list without this host, which has just been renewed, is of a controller that has lost its leases or its clock: it takes nothing away.
        bool isWhole = told is not null && told.Contains(own);
        if (told is not null && !isWhole)
            problems.Add($"{source.Description} does not list this host's own lease {own.Subnet}: hosts that it does not list are kept");
        _others = isWhole ? told! : [.. _others.Union(told ?? [])];
        (int followed, int changed, int removed) = vtep.Converge(index, own, _others, isWhole, problems);
        Tell(problems);
        metrics.Count("converge", "Rounds in which the kernel was looked at and put right.", "success");
        metrics.Count("changes", "Hosts that came, changed or went.", "success", changed + removed);
        metrics.Set("leases", "Other hosts that packets go to.", followed);
        metrics.Set("problems", "Leases that are not followed, and other things that should not be.", problems.Count);
        if (changed + removed > 0)
            OverlayLog.Converged(log, followed, changed, removed, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
    }

    private void WriteSubnet(Lease own, int mtu)
    {
        // One address is nothing to give to containers.
        if (configuration.SubnetFile.Length > 0 && !own.Subnet.IsSingle && SubnetFile.Write(configuration.SubnetFile, _networks, own.Subnet, mtu, configuration.FlannelIpMasq))
            OverlayLog.SubnetWritten(log, configuration.SubnetFile);
    }

    private async Task GiveUpAsync(Lease own, string reason, CancellationToken cancel)
    {
        if (await _containers.HindranceAsync(cancel) is { } hindrance)
            throw new OverlayException($"lease {own.Subnet} is lost: {reason}. It is not given up, since {hindrance}; everything stays as it is. Move the containers to other hosts and start the agent again");
        OverlayLog.GivenUp(log, own.ToString(), reason);
        vtep.Delete();
        (_own, Network, _others) = (null, null, []);
    }

    private void Keep()
    {
        _renewed = clock.GetTimestamp();
        if (_lost is not null)
            OverlayLog.SourceBack(log);
        _lost = null;
        metrics.Set("renewed_seconds", "When the lease was last renewed, in seconds since 1970.", clock.GetUtcNow().ToUnixTimeSeconds());
    }

    // Each problem once; but not so many that they fill the memory.
    private void Tell(List<string> problems)
    {
        if (_told.Count > MostTold)
            _told.Clear();
        foreach (string problem in problems.Where(_told.Add))
            OverlayLog.Problem(log, problem);
    }
}
