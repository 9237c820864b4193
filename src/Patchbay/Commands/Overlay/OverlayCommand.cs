using System.CommandLine;

namespace Patchbay.Commands.Overlay;

/// <summary><c>patchbay overlay</c>: a network of containers across hosts.</summary>
internal static class OverlayCommand
{
    internal static Command Create() => new("overlay", "One network for the containers of many hosts, by VXLAN: the controller that leases each host a subnet, and the agent that keeps a host's lease and its ways to the others.")
    {
        ControllerCommand.Create(),
        OverlayAgentCommand.Create(),
        TeardownCommand.Create(),
    };
}
