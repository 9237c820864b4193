using Microsoft.Extensions.Logging;

namespace Patchbay.Policy.Agent;

/// <summary>Everything that the agent says, in one place: a JSON object a line, on standard error.</summary>
internal static partial class AgentLog
{
    [LoggerMessage(1, LogLevel.Information, "listening: local {Local}, debug {Debug}; policies from {Server}, containers from {Datastore}, rules by {Backend}")]
    internal static partial void Listening(ILogger log, string local, string debug, string server, string datastore, string backend);

    [LoggerMessage(2, LogLevel.Warning, "configuration: key {Key} is not known and has no effect")]
    internal static partial void UnknownKey(ILogger log, string key);

    [LoggerMessage(3, LogLevel.Information, "enforced: {Changes} changes in {Milliseconds} ms; {Containers} containers, {Allowed} permissions; {Cut} connections cut")]
    internal static partial void Enforced(ILogger log, int changes, double milliseconds, int containers, int allowed, int cut);

    [LoggerMessage(4, LogLevel.Error, "policies could not be read, those of before hold: {Reason}")]
    internal static partial void ServerLost(ILogger log, string reason);

    [LoggerMessage(5, LogLevel.Information, "the policy server answers again")]
    internal static partial void ServerBack(ILogger log);

    [LoggerMessage(6, LogLevel.Error, "containers could not be read, those of before count: {Reason}")]
    internal static partial void DatastoreLost(ILogger log, string reason);

    [LoggerMessage(7, LogLevel.Information, "containers can be read again")]
    internal static partial void DatastoreBack(ILogger log);

    [LoggerMessage(8, LogLevel.Warning, "{Problem}")]
    internal static partial void Problem(ILogger log, string problem);

    [LoggerMessage(9, LogLevel.Error, "rules could not be changed, those of before hold: {Reason}")]
    internal static partial void EnforcingFailed(ILogger log, string reason);

    [LoggerMessage(10, LogLevel.Warning, "policies are not known yet: rules stay as they are, new containers are isolated")]
    internal static partial void KeepingRules(ILogger log);

    [LoggerMessage(11, LogLevel.Information, "stopping: rules stay as they are")]
    internal static partial void Stopping(ILogger log);

    [LoggerMessage(12, LogLevel.Information, "logging of packets between containers: {Enabled}")]
    internal static partial void LoggingSwitched(ILogger log, bool enabled);

    [LoggerMessage(13, LogLevel.Information, "log level: {Level}")]
    internal static partial void LevelSwitched(ILogger log, string level);

    [LoggerMessage(14, LogLevel.Debug, "{Method} {Path}: {Status}")]
    internal static partial void Answered(ILogger log, string method, string path, int status);

    [LoggerMessage(15, LogLevel.Information, "the policy server does not tell of changes: it is asked every {Seconds} s")]
    internal static partial void NoLongPoll(ILogger log, double seconds);
}
