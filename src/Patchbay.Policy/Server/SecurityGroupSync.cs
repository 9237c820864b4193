using System.Data.Common;
using Microsoft.Extensions.Logging;
using Patchbay.Policy.CloudFoundry;

namespace Patchbay.Policy.Server;

/// <summary>Copies the Cloud Controller's security groups into the store, once an interval.</summary>
internal sealed class SecurityGroupSync(PolicyCatalog catalog, CloudController cloudController, ILogger<SecurityGroupSync> log)
{
    internal async Task RepeatAsync(TimeSpan interval, TimeProvider clock, CancellationToken cancel)
    {
        using var timer = new PeriodicTimer(interval, clock);
        try
        {
            do
            {
                try
                {
                    await catalog.ReplaceSecurityGroupsAsync(await cloudController.SecurityGroupsAsync(cancel), cancel);
                }
                catch (Exception e) when (e is UpstreamException or DbException)
                {
                    ServerLog.SecurityGroupsFailed(log, e.Message);
                }
            }
            while (await timer.WaitForNextTickAsync(cancel));
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The server stops.
        }
    }
}
