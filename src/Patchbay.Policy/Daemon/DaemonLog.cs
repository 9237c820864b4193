using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Patchbay.Policy.Daemon;

/// <summary>The log of a server or an agent, a JSON object a line on standard error, and its level, which can be changed while it runs.</summary>
internal sealed class DaemonLog : IDisposable
{
    private readonly ILoggerFactory _factory;
    private volatile int _level;

    internal DaemonLog(string level)
    {
        _level = (int)(Parse(level) ?? throw new InvalidDataException($"log_level is \"{level}\"; it must be debug, info, error or fatal"));
        _factory = LoggerFactory.Create(logging =>
        {
            logging.AddJsonConsole(options =>
            {
                options.UseUtcTimestamp = true;
                options.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.ffffffZ";
            });
            logging.Services.Configure<ConsoleLoggerOptions>(options => options.LogToStandardErrorThreshold = LogLevel.Trace);
            logging.SetMinimumLevel(LogLevel.Trace);
            logging.AddFilter((category, each) => (int)each >= (category?.StartsWith("Microsoft", StringComparison.Ordinal) == true ? (int)LogLevel.Error : _level));
        });
    }

    internal ILoggerFactory Factory => _factory;

    /// <summary>Changes the level.</summary>
    /// <returns>False for a word that is none.</returns>
    internal bool TrySwitch(string level)
    {
        if (Parse(level) is not { } parsed)
            return false;
        _level = (int)parsed;
        return true;
    }

    public void Dispose() => _factory.Dispose();

    private static LogLevel? Parse(string level) => level switch
    {
        "debug" => LogLevel.Debug,
        "info" => LogLevel.Information,
        "error" => LogLevel.Error,
        "fatal" => LogLevel.Critical,
        _ => null,
    };
}
