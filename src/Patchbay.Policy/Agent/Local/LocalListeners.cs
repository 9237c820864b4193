using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Patchbay.Policy.Daemon;

namespace Patchbay.Policy.Agent.Local;

/// <summary>The two ports of this host at which the agent is asked: the wrapper's, and that of whoever looks into it.</summary>
internal static class LocalListeners
{
    private const int LargestBody = 1 << 16;

    internal static WebApplication Build(AgentConfiguration configuration, DaemonLog logging, LocalApi local, DebugApi debug)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.Sources.Clear(); // one configuration: no appsettings.json, no ASPNETCORE_ variables
        builder.Services.AddSingleton<ILoggerFactory>(logging.Factory);
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(5));
        int debugPort = configuration.DebugServerPort;
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = LargestBody;
            Listen(configuration.ForcePolicyPollCycleHost, "force_policy_poll_cycle_host", configuration.ForcePolicyPollCyclePort, "force_policy_poll_cycle_port");
            Listen(configuration.DebugServerHost, "debug_server_host", debugPort, "debug_server_port");

            void Listen(string host, string hostKey, int port, string portKey) => kestrel.Listen(ConfigurationFile.Address(host, hostKey), ConfigurationFile.Port(port, portKey));
        });
        WebApplication app = builder.Build();
        app.Run(context => context.Connection.LocalPort == debugPort ? debug.AnswerAsync(context) : local.AnswerAsync(context));
        return app;
    }

    internal static async Task TextAsync(HttpContext context, int status, string text, string type = "text/plain; charset=utf-8")
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = type;
        await context.Response.WriteAsync(text, context.RequestAborted);
    }
}
