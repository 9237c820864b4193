using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Patchbay.Policy.Agent;
using Patchbay.Policy.Daemon;
using Patchbay.Policy.Agent.Upstream;
using Patchbay.Policy.Server;

namespace Patchbay.Policy.Overlay.Agent;

/// <summary>Puts the agent together from its configuration, and runs it until a signal ends it. Device, routes and lease stay.</summary>
internal static class OverlayAgent
{
    /// <exception cref="InvalidDataException">The configuration cannot be used.</exception>
    /// <exception cref="OverlayException">To go on would cut what runs, or touch what is somebody else's.</exception>
    /// <exception cref="Netlink.NetlinkException">This is not root.</exception>
    internal static async Task RunAsync(OverlayConfiguration configuration, TimeProvider clock, CancellationToken cancel)
    {
        configuration.Check();
        using var logging = new DaemonLog(configuration.LogLevel);
        ILogger log = logging.Factory.CreateLogger($"{configuration.LogPrefix}.overlay-agent");
        foreach (string key in configuration.UnknownKeys)
            OverlayLog.UnknownKey(log, key);
        var metrics = new Metrics();
        using ILeaseSource source = OpenSource(configuration);
        using var vtep = new Vtep(configuration);
        vtep.FindLease(); // to refuse what is somebody else's before anything is said to run
        var cycle = new OverlayCycle(configuration, source, vtep, metrics, log, clock);
        await using WebApplication app = Build(configuration, logging.Factory);
        app.Run(new LocalApi(cycle, metrics, log).AnswerAsync);
        CancellationToken stopping = app.Lifetime.ApplicationStopping;
        await app.StartAsync(CancellationToken.None);
        OverlayLog.Listening(log, $"{configuration.HealthCheckHost}:{configuration.HealthCheckPort}", source.Description, configuration.VtepName, configuration.UnderlayIp);
        Task rounds = RepeatAsync(cycle, configuration, clock, stopping);
        _ = rounds.ContinueWith(_ => app.Lifetime.StopApplication(), CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        await app.WaitForShutdownAsync(cancel);
        await rounds;
        OverlayLog.Stopping(log);
    }

    internal static ILeaseSource OpenSource(OverlayConfiguration configuration)
    {
        if (configuration.LeaseFile.Length > 0)
            return new LeaseFile(configuration.LeaseFile);
        var tls = new ClientTls(configuration.ClientCertFile, configuration.ClientKeyFile, configuration.CaCertFile);
        tls.Load(); // now, not at the first question
        return new ControllerClient(configuration.ConnectivityServerUrl, tls, TimeSpan.FromSeconds(configuration.ClientTimeoutSeconds));
    }

    private static async Task RepeatAsync(OverlayCycle cycle, OverlayConfiguration configuration, TimeProvider clock, CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await cycle.RunAsync(stopping);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }

            await Task.Delay(TimeSpan.FromSeconds(configuration.PollInterval), clock, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static WebApplication Build(OverlayConfiguration configuration, ILoggerFactory logs)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.Sources.Clear(); // one configuration: no appsettings.json, no ASPNETCORE_ variables
        builder.Services.AddSingleton(logs);
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(5));
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            ListenerFeature.Bind(kestrel, configuration.HealthCheckHost, "health_check_host", configuration.HealthCheckPort, Listener.Health, _ => { });
        });
        return builder.Build();
    }
}
