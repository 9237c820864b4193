using System.Net;

namespace Patchbay.Plugins.Meta.Wrapper;

/// <summary>A service of the host that containers may use.</summary>
internal readonly record struct HostService(IPAddress Address, byte Protocol, ushort Port);
