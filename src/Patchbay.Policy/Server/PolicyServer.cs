using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Patchbay.Policy.CloudFoundry;
using Patchbay.Policy.Daemon;
using Patchbay.Policy.Store;
using Patchbay.Policy.Tokens;

namespace Patchbay.Policy.Server;

/// <summary>Puts the server together from its configuration, and runs it until it is told to end.</summary>
internal static class PolicyServer
{
    private const int LargestBody = 10 << 20;

    // The ids of all apps on a cell are one line of a request: 1 MiB are some 28,000 of them.
    private const int LongestRequestLine = 1 << 20;

    /// <param name="configuration">What it is to do.</param>
    /// <param name="clock">The time.</param>
    /// <param name="cancel">Ends it well: requests in progress are answered first.</param>
    /// <exception cref="InvalidDataException">The configuration cannot be used.</exception>
    /// <exception cref="System.Data.Common.DbException">The database does not answer.</exception>
    internal static async Task RunAsync(ServerConfiguration configuration, TimeProvider clock, CancellationToken cancel)
    {
        configuration.Check();
        using var logging = new DaemonLog(configuration.LogLevel);
        ILoggerFactory logs = logging.Factory;
        ILogger log = logs.CreateLogger("policy-server");
        var tls = new ServerTls(configuration.ServerCertFile, configuration.ServerKeyFile, configuration.CaCertFile, configuration.CaCrlFile, log, clock);
        await using WebApplication app = Build(configuration, tls, logs);
        foreach (string key in configuration.Unknown?.Keys ?? Enumerable.Empty<string>())
            ServerLog.UnknownKey(log, key);

        using var store = new PolicyStore(configuration.Database.Open("patchbay policy server", clock), configuration.TagLength);
        foreach (string migration in store.Migrate())
            ServerLog.Migrated(log, store.Description, migration);
        var metrics = new ServerMetrics();
        using var catalog = new PolicyCatalog(store, metrics, logs.CreateLogger<PolicyCatalog>(), clock, TimeSpan.FromSeconds(configuration.DatabasePollSeconds));
        await catalog.LoadAsync(CancellationToken.None);

        CancellationToken stopping = app.Lifetime.ApplicationStopping;
        stopping.Register(() => ServerLog.Stopping(log));
        using Uaa? uaa = configuration.UaaUrl.Length == 0 ? null : new Uaa(
            new JsonApi("UAA", configuration.UaaUrl, configuration.UaaCa, configuration.SkipSslValidation), configuration.UaaClient, configuration.UaaClientSecret, clock);
        using CloudController? cloudController = configuration.CcUrl.Length == 0 ? null : new CloudController(
            new JsonApi("Cloud Controller", configuration.CcUrl, configuration.CcCaCert, configuration.SkipSslValidation), uaa!);
        using TokenKeys keys = Keys(configuration, uaa, log, clock);
        var stale = new StalePolicies(catalog, cloudController, logs.CreateLogger<StalePolicies>());
        Api Named(string name) => new(name, metrics, logs.CreateLogger<Api>());

        var external = new ExternalApi(
            Named("external"), catalog, new Authentication(new TokenVerifier(keys, configuration.TokenIssuer, Audiences(configuration)), configuration.EnableSpaceDeveloperSelfService),
            new AccessGuard(cloudController), stale, metrics, configuration.MaxPoliciesPerAppSource, logs.CreateLogger<ExternalApi>());
        var agents = new InternalApi(Named("internal"), catalog, new Conditional(catalog, metrics, clock, stopping));
        var health = new HealthApi(Named("health"), catalog, metrics);
        var debug = new DebugApi(Named("debug"), logging, log);
        var headers = new ResponseHeaders(configuration.AllowedCorsDomains);
        app.Use(next => context => headers.AddAsync(context, next));
        Branch(app, Listener.External, routes =>
        {
            external.Map(routes);
            ResponseHeaders.MapOptions(routes);
        });
        Branch(app, Listener.Internal, agents.Map);
        Branch(app, Listener.Health, health.Map);
        Branch(app, Listener.Debug, debug.Map);

        List<Task> background = [catalog.FollowAsync(stopping)];
        if (cloudController is not null && configuration.PolicyCleanupInterval > 0)
            background.Add(stale.RepeatAsync(TimeSpan.FromMinutes(configuration.PolicyCleanupInterval), clock, stopping));
        if (cloudController is not null && configuration.AsgPollInterval > 0)
            background.Add(new SecurityGroupSync(catalog, cloudController, logs.CreateLogger<SecurityGroupSync>()).RepeatAsync(TimeSpan.FromSeconds(configuration.AsgPollInterval), clock, stopping));
        await app.StartAsync(CancellationToken.None);
        ServerLog.Listening(
            log, $"{configuration.ListenHost}:{configuration.ListenPort}", $"{configuration.InternalListenHost ?? configuration.ListenHost}:{configuration.InternalListenPort}",
            $"{configuration.HealthCheckHost}:{configuration.HealthCheckPort}", $"{configuration.DebugServerHost}:{configuration.DebugServerPort}", catalog.Policies.Entries.Length, store.Description);
        await app.WaitForShutdownAsync(cancel);
        await Task.WhenAll(background);
    }

    private static WebApplication Build(ServerConfiguration configuration, ServerTls tls, ILoggerFactory logs)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.Sources.Clear(); // one configuration: no appsettings.json, no ASPNETCORE_ variables
        builder.Services.AddSingleton(logs);
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(10));
        // After a restart all agents come at once.
        builder.WebHost.UseSockets(sockets => sockets.Backlog = 4096);
        builder.WebHost.ConfigureKestrel(kestrel => Listen(kestrel, configuration, tls));
        return builder.Build();
    }

    private static void Listen(KestrelServerOptions kestrel, ServerConfiguration configuration, ServerTls tls)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = LargestBody;
        kestrel.Limits.MaxRequestLineSize = LongestRequestLine;
        kestrel.Limits.MaxRequestBufferSize = 2 * LongestRequestLine;
        kestrel.Limits.Http2.MaxRequestHeaderFieldSize = LongestRequestLine;
        kestrel.Limits.MaxRequestHeadersTotalSize = LongestRequestLine;
        ListenerFeature.Bind(kestrel, configuration.ListenHost, "listen_host", configuration.ListenPort, Listener.External, options =>
        {
            if (configuration.EnableTls)
                options.UseHttps(tls.Anyone());
        });
        ListenerFeature.Bind(kestrel, configuration.InternalListenHost ?? configuration.ListenHost, "internal_listen_host", configuration.InternalListenPort, Listener.Internal,
            options => options.UseHttps(tls.Mutual()));
        ListenerFeature.Bind(kestrel, configuration.HealthCheckHost, "health_check_host", configuration.HealthCheckPort, Listener.Health, _ => { });
        ListenerFeature.Bind(kestrel, configuration.DebugServerHost, "debug_server_host", configuration.DebugServerPort, Listener.Debug, _ => { });
    }

    private static void Branch(WebApplication app, Listener listener, Action<IEndpointRouteBuilder> map) =>
        app.MapWhen(context => context.Features.Get<ListenerFeature>()?.Listener == listener, branch =>
        {
            branch.UseRouting();
            branch.UseEndpoints(map);
        });

    private static TokenKeys Keys(ServerConfiguration configuration, Uaa? uaa, ILogger log, TimeProvider clock)
    {
        string file = configuration.TokenKeysFile;
        return file.Length > 0
            ? new TokenKeys(cancel => File.ReadAllTextAsync(file, cancel), file, log, clock)
            : new TokenKeys(uaa!.KeysAsync, configuration.UaaUrl, log, clock);
    }

    // A space developer's token is made for the Cloud Controller; it names no network scope, and so not its audience either.
    private static string[] Audiences(ServerConfiguration configuration) =>
        configuration.EnableSpaceDeveloperSelfService ? [.. configuration.TokenAudiences, "cloud_controller"] : configuration.TokenAudiences;
}
