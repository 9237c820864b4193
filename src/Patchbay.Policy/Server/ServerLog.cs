using Microsoft.Extensions.Logging;

namespace Patchbay.Policy.Server;

/// <summary>Everything that the server says, in one place: a JSON object a line, on standard error.</summary>
internal static partial class ServerLog
{
    [LoggerMessage(1, LogLevel.Information, "listening: external {External}, internal {Internal}, health {Health}, debug {Debug}; {Policies} policies from {Store}")]
    internal static partial void Listening(ILogger log, string external, string @internal, string health, string debug, int policies, string store);

    [LoggerMessage(2, LogLevel.Information, "migrated {Store}: {Migration}")]
    internal static partial void Migrated(ILogger log, string store, string migration);

    [LoggerMessage(3, LogLevel.Warning, "configuration: key {Key} is not known and has no effect")]
    internal static partial void UnknownKey(ILogger log, string key);

    [LoggerMessage(4, LogLevel.Information, "stopping: requests in progress end first")]
    internal static partial void Stopping(ILogger log);

    [LoggerMessage(5, LogLevel.Information, "policies created by {Subject}: {Count} new of {Asked}, request {RequestId}")]
    internal static partial void Created(ILogger log, string subject, int count, int asked, string requestId);

    [LoggerMessage(6, LogLevel.Information, "policies deleted by {Subject}: {Count} of {Asked}, request {RequestId}")]
    internal static partial void Deleted(ILogger log, string subject, int count, int asked, string requestId);

    [LoggerMessage(7, LogLevel.Information, "stale policies deleted: {Count}")]
    internal static partial void CleanedUp(ILogger log, int count);

    [LoggerMessage(8, LogLevel.Error, "clean-up failed: {Reason}")]
    internal static partial void CleanupFailed(ILogger log, string reason);

    [LoggerMessage(9, LogLevel.Error, "{Store} does not answer, reads go on from memory: {Reason}")]
    internal static partial void StoreLost(ILogger log, string store, string reason);

    [LoggerMessage(10, LogLevel.Information, "{Store} answers again")]
    internal static partial void StoreBack(ILogger log, string store);

    [LoggerMessage(11, LogLevel.Error, "{Api} {Method} {Path}: {Error}, request {RequestId}: {Reason}")]
    internal static partial void Failed(ILogger log, string api, string method, string path, string error, string requestId, string reason);

    [LoggerMessage(12, LogLevel.Information, "{Api} {Method} {Path}: {Status} {Error}, request {RequestId}: {Reason}")]
    internal static partial void Refused(ILogger log, string api, string method, string path, int status, string error, string requestId, string reason);

    [LoggerMessage(13, LogLevel.Warning, "client certificate refused: {Subject}: {Reason}")]
    internal static partial void CertificateRefused(ILogger log, string subject, string reason);

    [LoggerMessage(14, LogLevel.Warning, "keys of {Issuer} could not be read: {Reason}")]
    internal static partial void KeysUnavailable(ILogger log, string issuer, string reason);

    [LoggerMessage(15, LogLevel.Error, "security groups could not be read from the Cloud Controller: {Reason}")]
    internal static partial void SecurityGroupsFailed(ILogger log, string reason);

    [LoggerMessage(16, LogLevel.Debug, "{Api} {Method} {Path}: {Status}, request {RequestId}")]
    internal static partial void Answered(ILogger log, string api, string method, string path, int status, string requestId);

    [LoggerMessage(17, LogLevel.Information, "certificates read again: {Files}")]
    internal static partial void CertificatesReloaded(ILogger log, string files);

    [LoggerMessage(18, LogLevel.Error, "certificates could not be read again, the old ones stay in use: {Reason}")]
    internal static partial void CertificatesNotReloaded(ILogger log, string reason);

    [LoggerMessage(19, LogLevel.Information, "log level: {Level}")]
    internal static partial void LevelSwitched(ILogger log, string level);

    [LoggerMessage(20, LogLevel.Error, "{File} should have been replaced at {NextUpdate}: who was revoked since is not known and is let in")]
    internal static partial void RevocationListOutdated(ILogger log, string file, DateTimeOffset nextUpdate);
}
