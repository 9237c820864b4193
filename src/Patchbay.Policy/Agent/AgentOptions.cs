using System.Net;

namespace Patchbay.Policy.Agent;

/// <summary>What rules are made like; the rest of them follows from containers and policies.</summary>
internal sealed record AgentOptions
{
    /// <summary>Whether accepted and denied packets between containers are logged; can be switched while running.</summary>
    internal bool LogContainers { get; init; }

    /// <summary>Whether everything that security groups let through is logged.</summary>
    internal bool LogGroups { get; init; }

    internal int DeniedLogsPerSecond { get; init; } = 1;

    internal int AcceptedUdpLogsPerSecond { get; init; } = 100;

    /// <summary>The mark of what came in by a mapped port.</summary>
    internal uint IngressMark { get; init; } = 0xffff0000;

    /// <summary>Whether connections remember whose they are, so that they can be cut.</summary>
    internal bool CutRevoked { get; init; }

    /// <summary>The network in which everything may talk to everything; null for none.</summary>
    internal IPNetwork? Unrestricted { get; init; }

    internal static AgentOptions Of(AgentConfiguration configuration) => new()
    {
        LogContainers = configuration.IptablesC2cLogging,
        LogGroups = configuration.IptablesAsgLogging,
        DeniedLogsPerSecond = configuration.IptablesDeniedLogsPerSec,
        AcceptedUdpLogsPerSecond = configuration.IptablesAcceptedUdpLogsPerSec,
        IngressMark = configuration.IngressMark,
        CutRevoked = configuration.CutRevokedConnections,
        Unrestricted = configuration.DisableContainerNetworkPolicy ? configuration.Overlay : null,
    };
}
