using Microsoft.Extensions.Logging;

namespace Patchbay.Policy.Overlay.Agent;

/// <summary>Everything that the agent says, in one place: a JSON object a line, on standard error.</summary>
internal static partial class OverlayLog
{
    [LoggerMessage(1, LogLevel.Information, "listening: {Local}; leases from {Source}, device {Vtep} over {Underlay}")]
    internal static partial void Listening(ILogger log, string local, string source, string vtep, string underlay);

    [LoggerMessage(2, LogLevel.Warning, "configuration: key {Key} is not known and has no effect")]
    internal static partial void UnknownKey(ILogger log, string key);

    [LoggerMessage(3, LogLevel.Information, "lease: {Lease}, {How}")]
    internal static partial void HasLease(ILogger log, string lease, string how);

    [LoggerMessage(4, LogLevel.Error, "the lease could not be renewed, what is there goes on for {Seconds} s more: {Reason}")]
    internal static partial void SourceLost(ILogger log, double seconds, string reason);

    [LoggerMessage(5, LogLevel.Information, "the lease is renewed again")]
    internal static partial void SourceBack(ILogger log);

    [LoggerMessage(6, LogLevel.Error, "there is no lease yet: {Reason}")]
    internal static partial void NoLease(ILogger log, string reason);

    [LoggerMessage(7, LogLevel.Information, "converged: {Followed} hosts, {Changed} came or changed, {Removed} went, in {Milliseconds} ms")]
    internal static partial void Converged(ILogger log, int followed, int changed, int removed, double milliseconds);

    [LoggerMessage(8, LogLevel.Warning, "{Problem}")]
    internal static partial void Problem(ILogger log, string problem);

    [LoggerMessage(9, LogLevel.Error, "the device, its routes or {File} could not be put right, the next cycle tries again: {Reason}")]
    internal static partial void ConvergeFailed(ILogger log, string file, string reason);

    [LoggerMessage(10, LogLevel.Warning, "lease {Lease} is lost and given up, since this host has no containers: {Reason}")]
    internal static partial void GivenUp(ILogger log, string lease, string reason);

    [LoggerMessage(11, LogLevel.Information, "stopping: device, routes and lease stay")]
    internal static partial void Stopping(ILogger log);

    [LoggerMessage(12, LogLevel.Information, "written: {File}")]
    internal static partial void SubnetWritten(ILogger log, string file);

    [LoggerMessage(13, LogLevel.Debug, "{Method} {Path}: {Status}")]
    internal static partial void Answered(ILogger log, string method, string path, int status);
}
