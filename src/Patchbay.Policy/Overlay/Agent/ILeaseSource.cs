using System.Net;
using Patchbay.Policy.CloudFoundry;
using Patchbay.Policy.Overlay.Leases;

namespace Patchbay.Policy.Overlay.Agent;

/// <summary>Who gives leases: a controller, or a file.</summary>
/// <remarks>All fail with <see cref="UpstreamException"/> when it cannot be asked, and with <see cref="LeaseConflictException"/> when its answer is no.</remarks>
internal interface ILeaseSource : IDisposable
{
    /// <summary>What it is, for people.</summary>
    string Description { get; }

    Task<Lease> AcquireAsync(IPAddress underlay, bool single, CancellationToken cancel);

    Task RenewAsync(Lease lease, CancellationToken cancel);

    /// <summary>The leases of all hosts, this one's included.</summary>
    /// <param name="problems">Gets a text for each that cannot be understood.</param>
    /// <param name="cancel">Ends it.</param>
    Task<IReadOnlyList<Lease>> ActiveAsync(List<string> problems, CancellationToken cancel);

    Task ReleaseAsync(IPAddress underlay, CancellationToken cancel);
}
