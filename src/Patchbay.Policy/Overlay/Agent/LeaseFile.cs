using System.Net;
using System.Text.Json;
using Patchbay.Policy.CloudFoundry;
using Patchbay.Policy.Overlay.Leases;

namespace Patchbay.Policy.Overlay.Agent;

/// <summary>A file with the leases of all hosts, the same on each, in place of a controller. It is read again in each cycle.</summary>
internal sealed class LeaseFile(string path) : ILeaseSource
{
    public string Description => path;

    public void Dispose()
    {
        // Nothing is kept open.
    }

    public async Task<Lease> AcquireAsync(IPAddress underlay, bool single, CancellationToken cancel)
    {
        (Lease own, IReadOnlyList<Lease> all) = await FindAsync(underlay, cancel);
        if (own.Subnet.IsSingle != single)
            throw new LeaseConflictException($"{path}: {own.Subnet} is {(single ? "more than one address" : "one address, and single_ip_only is not set")}");
        if (all.FirstOrDefault(each => each != own && each.Subnet.Overlaps(own.Subnet)) is { } other)
            throw new LeaseConflictException($"{path}: {own.Subnet} of {underlay} overlaps {other.Subnet} of {other.Underlay}");
        return own;
    }

    // Somebody who claims a part of it later is not followed, and takes nothing from the host that has it.
    public async Task RenewAsync(Lease lease, CancellationToken cancel)
    {
        (Lease own, _) = await FindAsync(lease.Underlay, cancel);
        if (own != lease)
            throw new LeaseConflictException($"lease mismatch: {path} has {own.Subnet} ({own.Address}) for {lease.Underlay}");
    }

    public async Task<IReadOnlyList<Lease>> ActiveAsync(List<string> problems, CancellationToken cancel)
    {
        try
        {
            byte[] text = await File.ReadAllBytesAsync(path, cancel);
            return (JsonSerializer.Deserialize(text, LeaseJson.Default.LeaseList) ?? throw new JsonException("it is null")).ToLeases(problems);
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new UpstreamException($"{path}: {e.Message}", e);
        }
    }

    public Task ReleaseAsync(IPAddress underlay, CancellationToken cancel) => Task.CompletedTask; // who keeps the file takes it out

    private async Task<(Lease Own, IReadOnlyList<Lease> All)> FindAsync(IPAddress underlay, CancellationToken cancel)
    {
        var problems = new List<string>();
        IReadOnlyList<Lease> all = await ActiveAsync(problems, cancel);
        Lease[] own = [.. all.Where(each => each.Underlay.Equals(underlay))];
        if (own.Length == 1)
            return (own[0], all);
        throw new LeaseConflictException(own.Length > 1 ? $"{path} has {own.Length} leases for {underlay}" : $"{path} has no lease for {underlay}{(problems.Count > 0 ? $"; {problems[0]}" : "")}");
    }
}
