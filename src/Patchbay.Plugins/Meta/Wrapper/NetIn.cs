using Patchbay.Cni.Model;

namespace Patchbay.Plugins.Meta.Wrapper;

/// <summary>A port of the host that leads to one of the container, TCP.</summary>
/// <param name="HostPort">The host's.</param>
/// <param name="ContainerPort">The container's.</param>
internal readonly record struct NetIn(ushort HostPort, ushort ContainerPort)
{
    /// <summary>Reads <c>{"host_port": 60000, "container_port": 8080}</c>; a port that is missing is 0.</summary>
    internal static NetIn Read(JsonView view) => new(Port(view, "host_port"), Port(view, "container_port"));

    private static ushort Port(JsonView view, string key) => (ushort)(view.Integer(key, 0, ushort.MaxValue) ?? 0);
}
