using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Patchbay.Policy.Agent.Local;

/// <summary>The two ports of this host at which the agent is asked: the wrapper's, and that of whoever looks into it.</summary>
internal static class LocalListeners
{
    private const int LargestBody = 1 << 16;

    internal static WebApplication Build(AgentConfiguration configuration, AgentLogging logging, LocalApi local, DebugApi debug)
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
            kestrel.Listen(Address(configuration.ForcePolicyPollCycleHost, "force_policy_poll_cycle_host"), Port(configuration.ForcePolicyPollCyclePort, "force_policy_poll_cycle_port"));
            kestrel.Listen(Address(configuration.DebugServerHost, "debug_server_host"), Port(debugPort, "debug_server_port"));
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

    private static IPAddress Address(string host, string key) => host == "localhost" ? IPAddress.Loopback : IPAddress.TryParse(host, out IPAddress? address)
        ? address
        : throw new InvalidDataException($"{key} is \"{host}\"; it must be an address of this host such as 127.0.0.1");

    private static int Port(int port, string key) => port is >= 1 and <= 65535 ? port : throw new InvalidDataException($"{key} is {port}; it must be from 1 to 65535");
}
