using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Patchbay.Netlink;
using Patchbay.Policy.Agent.Containers;
using Patchbay.Policy.Agent.Iptables;
using Patchbay.Policy.Agent.Local;
using Patchbay.Policy.Agent.Native;
using Patchbay.Policy.Agent.Upstream;
using Patchbay.Policy.CloudFoundry;
using Patchbay.Policy.Daemon;

namespace Patchbay.Policy.Agent;

/// <summary>Puts the agent together from its configuration, and runs it until a signal ends it. The rules stay.</summary>
internal static class PolicyAgent
{
    private const long LargeWork = 16 << 20;

    /// <exception cref="InvalidDataException">The configuration cannot be used.</exception>
    /// <exception cref="NetlinkException">The kernel has no nf_tables, or this is not root.</exception>
    internal static async Task RunAsync(AgentConfiguration configuration, TimeProvider clock, CancellationToken cancel)
    {
        configuration.Check();
        var tls = new ClientTls(configuration.ClientCertFile, configuration.ClientKeyFile, configuration.CaCertFile);
        tls.Load(); // now, not at the first question
        using var logging = new DaemonLog(configuration.LogLevel);
        ILogger log = logging.Factory.CreateLogger($"{configuration.LogPrefix}.policy-agent");
        foreach (string key in configuration.Unknown?.Keys.Where(each => !AgentConfiguration.IsOfOthers(each)) ?? [])
            AgentLog.UnknownKey(log, key);

        var metrics = new AgentMetrics();
        using var server = new PolicyServerClient(configuration.PolicyServerUrl, tls, TimeSpan.FromSeconds(configuration.ClientTimeoutSeconds));
        using IEnforcer enforcer = configuration.UsesIptables ? new IptablesEnforcer(new IptablesTool(configuration.IptablesLockFile), configuration.EnableAsgSyncing, clock) : new NativeEnforcer();
        using var cycle = new AgentCycle(new Datastore(configuration.CniDatastorePath), server, enforcer, configuration, metrics, log, clock);
        await using WebApplication app = LocalListeners.Build(configuration, logging, new LocalApi(cycle, configuration, log), new DebugApi(cycle, logging, metrics, log));
        CancellationToken stopping = app.Lifetime.ApplicationStopping;
        stopping.Register(() => AgentLog.Stopping(log));
        await app.StartAsync(CancellationToken.None);
        AgentLog.Listening(
            log, $"{configuration.ForcePolicyPollCycleHost}:{configuration.ForcePolicyPollCyclePort}", $"{configuration.DebugServerHost}:{configuration.DebugServerPort}",
            configuration.PolicyServerUrl, configuration.CniDatastorePath, configuration.Backend);
        var changes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        Task[] background = [RepeatAsync(cycle, configuration, changes.Reader, log, clock, stopping), WatchAsync(server, configuration, changes.Writer, log, clock, stopping)];
        foreach (Task each in background) // an agent that only seems to run is worse than one that is started again
            _ = each.ContinueWith(_ => app.Lifetime.StopApplication(), CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        await app.WaitForShutdownAsync(cancel);
        await Task.WhenAll(background);
    }

    // A cycle at intervals, and at once when the server has something new.
    private static async Task RepeatAsync(AgentCycle cycle, AgentConfiguration configuration, ChannelReader<bool> changes, ILogger log, TimeProvider clock, CancellationToken stopping)
    {
        var interval = TimeSpan.FromSeconds(configuration.PollInterval);
        string? failed = null;
        long allocated = 0;
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await cycle.RunAsync(refreshGroups: false, stopping);
                failed = null;
            }
            catch (Exception e) when (e is UpstreamException or InvalidDataException)
            {
                // Told and counted where it happened; the next cycle tries again.
            }
            catch (Exception e) when (e is NetlinkException or EnforcingException)
            {
                if (failed != e.Message)
                    AgentLog.EnforcingFailed(log, e.Message);
                failed = e.Message;
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }

            await WaitAsync(changes, interval, clock, stopping);
            allocated = GiveBack(allocated);
        }
    }

    // The first reading of many policies leaves much garbage, and then there is little work that would make the runtime collect it.
    private static long GiveBack(long before)
    {
        long now = GC.GetTotalAllocatedBytes();
        if (now - before < LargeWork)
            return before;
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        return now;
    }

    private static async Task WaitAsync(ChannelReader<bool> changes, TimeSpan interval, TimeProvider clock, CancellationToken stopping)
    {
        try
        {
            await changes.ReadAsync(stopping).AsTask().WaitAsync(interval, clock, stopping);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            // It is time for the next cycle, or for the end.
        }
    }

    // Asks for the next state and lets the server hold the question until there is one.
    private static async Task WatchAsync(PolicyServerClient server, AgentConfiguration configuration, ChannelWriter<bool> changes, ILogger log, TimeProvider clock, CancellationToken stopping)
    {
        if (configuration.LongPollSeconds == 0)
            return;
        var wait = TimeSpan.FromSeconds(configuration.LongPollSeconds);
        var interval = TimeSpan.FromSeconds(configuration.PollInterval);
        string? known = null;
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                string? next = await server.NextStateAsync(known, wait, stopping);
                if (next is null)
                {
                    AgentLog.NoLongPoll(log, configuration.PollInterval);
                    return;
                }

                if (next != known)
                    changes.TryWrite(true);
                known = next;
            }
            catch (Exception e) when (e is UpstreamException or InvalidDataException)
            {
                // The cycle asks the same server, and tells.
                await Task.Delay(interval, clock, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
        }
    }
}
