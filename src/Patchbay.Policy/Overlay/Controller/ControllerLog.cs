using Microsoft.Extensions.Logging;

namespace Patchbay.Policy.Overlay.Controller;

/// <summary>Everything that the controller says, in one place: a JSON object a line, on standard error.</summary>
internal static partial class ControllerLog
{
    [LoggerMessage(1, LogLevel.Information, "listening: leases {Leases}, health {Health}; {Known} leases from {Store}, network {Network} in blocks of /{PrefixLength}")]
    internal static partial void Listening(ILogger log, string leases, string health, int known, string store, string network, int prefixLength);

    [LoggerMessage(2, LogLevel.Warning, "configuration: key {Key} is not known and has no effect")]
    internal static partial void UnknownKey(ILogger log, string key);

    [LoggerMessage(3, LogLevel.Information, "migrated {Store}: {Migration}")]
    internal static partial void Migrated(ILogger log, string store, string migration);

    [LoggerMessage(4, LogLevel.Information, "acquired: {Lease}")]
    internal static partial void Acquired(ILogger log, string lease);

    [LoggerMessage(5, LogLevel.Debug, "renewed: {Lease}")]
    internal static partial void Renewed(ILogger log, string lease);

    [LoggerMessage(6, LogLevel.Information, "released: what {Underlay} had; there was something: {Had}")]
    internal static partial void Released(ILogger log, string underlay, bool had);

    [LoggerMessage(7, LogLevel.Warning, "{Method} {Path}: {Status} {Error}")]
    internal static partial void Refused(ILogger log, string method, string path, int status, string error);

    [LoggerMessage(8, LogLevel.Error, "{Method} {Path}: {Store} failed: {Reason}")]
    internal static partial void StoreFailed(ILogger log, string method, string path, string store, string reason);

    [LoggerMessage(9, LogLevel.Information, "stopping: requests in progress end first, leases stay")]
    internal static partial void Stopping(ILogger log);
}
