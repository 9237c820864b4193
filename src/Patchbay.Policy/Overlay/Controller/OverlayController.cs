using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Patchbay.Policy.Daemon;
using Patchbay.Policy.Overlay.Leases;
using Patchbay.Policy.Server;

namespace Patchbay.Policy.Overlay.Controller;

/// <summary>Puts the controller together from its configuration, and runs it until a signal ends it.</summary>
internal static class OverlayController
{
    private const int LargestBody = 1 << 16;

    /// <exception cref="InvalidDataException">The configuration cannot be used.</exception>
    /// <exception cref="System.Data.Common.DbException">The database does not answer.</exception>
    internal static async Task RunAsync(ControllerConfiguration configuration, TimeProvider time, CancellationToken cancel)
    {
        AddressPool pool = configuration.Check();
        using var logging = new DaemonLog(configuration.LogLevel);
        ILogger log = logging.Factory.CreateLogger($"{configuration.LogPrefix}.overlay-controller");
        foreach (string key in configuration.UnknownKeys)
            ControllerLog.UnknownKey(log, key);
        var tls = new ServerTls(configuration.ServerCertFile, configuration.ServerKeyFile, configuration.CaCertFile, "", log, time);
        var clock = new LeaseClock(time, TimeSpan.FromSeconds(configuration.LeaseExpirationSeconds));
        using var store = new LeaseStore(configuration.Database.Open("patchbay overlay controller", time), pool, clock);
        foreach (string migration in store.Migrate())
            ControllerLog.Migrated(log, store.Description, migration);
        var api = new ControllerApi(store, pool, clock, configuration, new Metrics(), log);
        await using WebApplication app = Build(configuration, tls, logging.Factory);
        app.Run(context => context.Features.Get<ListenerFeature>()?.Listener == Listener.Health ? api.HealthAsync(context) : api.LeasesAsync(context));
        app.Lifetime.ApplicationStopping.Register(() => ControllerLog.Stopping(log));
        int known = store.List().Count;
        await app.StartAsync(CancellationToken.None);
        ControllerLog.Listening(
            log, $"{configuration.ListenHost}:{configuration.ListenPort}", $"{configuration.HealthCheckHost}:{configuration.HealthCheckPort}", known, store.Description, pool.Network.ToString(), pool.PrefixLength);
        await app.WaitForShutdownAsync(cancel);
    }

    private static WebApplication Build(ControllerConfiguration configuration, ServerTls tls, ILoggerFactory logs)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.Sources.Clear(); // one configuration: no appsettings.json, no ASPNETCORE_ variables
        builder.Services.AddSingleton(logs);
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(10));
        // After a restart all hosts come at once.
        builder.WebHost.UseSockets(sockets => sockets.Backlog = 4096);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = LargestBody;
            ListenerFeature.Bind(kestrel, configuration.ListenHost, "listen_host", configuration.ListenPort, Listener.Internal, options => options.UseHttps(tls.Mutual()));
            ListenerFeature.Bind(kestrel, configuration.HealthCheckHost, "health_check_host", configuration.HealthCheckPort, Listener.Health, _ => { });
        });
        return builder.Build();
    }
}
