using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Interfaces;

/// <summary>What a chained plugin knows of its interface by the result of the plugins before it, and whether that is true.</summary>
internal static class ChainedInterface
{
    /// <summary>The result of the plugins before, whose interface must be in the namespace that the call names.</summary>
    /// <param name="request">The attachment.</param>
    /// <param name="missing">What to say when there is none.</param>
    /// <exception cref="CniException">Code 7: there is none, or it has the interface in another sandbox; 999: it is malformed.</exception>
    internal static CniResult Require(PluginRequest request, string missing)
    {
        var result = request.Config.PrevResult ?? throw Wrong(missing);
        RequireSandbox(request, result, request.IfName);
        return result;
    }

    /// <summary>An interface that a result has in a sandbox must have it in the namespace that the call names.</summary>
    /// <param name="request">The attachment.</param>
    /// <param name="result">The result of the plugins before.</param>
    /// <param name="ifName">The interface; one that the result does not have is right.</param>
    /// <exception cref="CniException">Code 7: it is in another sandbox; 8: that, and there is no namespace at CNI_NETNS.</exception>
    internal static void RequireSandbox(PluginRequest request, CniResult result, string ifName)
    {
        string? elsewhere = null;
        foreach (var each in result.Interfaces)
        {
            if (each.Name != ifName || each.Sandbox is null)
                continue; // without a sandbox it is the host's: a bridge may well have the same name
            if (Sandbox.IsSame(each.Sandbox, request.NetnsPath))
                return;
            elsewhere = each.Sandbox;
        }

        if (elsewhere is not null)
            throw Wrong($"prevResult has interface \"{ifName}\" in sandbox \"{elsewhere}\", which is not CNI_NETNS \"{request.NetnsPath}\"");
    }

    /// <summary>Whether an interface of a result is the attachment's: of its name, and in its namespace.</summary>
    /// <remarks>For DEL any sandbox is the right one: its namespace may be gone, or another one of the same path.</remarks>
    internal static bool IsOwn(PluginRequest request, CniInterface each) =>
        each.Name == request.IfName && each.Sandbox is not null && (request.Command == CniCommand.Delete || Sandbox.IsSame(each.Sandbox, request.NetnsPath));

    /// <summary>The addresses of this interface: those that name it, and those that name none.</summary>
    /// <exception cref="CniException">Code 7: one names an interface that the result does not have.</exception>
    internal static IReadOnlyList<CniIp> Addresses(CniResult result, string ifName)
    {
        var own = new List<CniIp>();
        foreach (var ip in result.Ips)
        {
            if (ip.Interface is { } index)
            {
                if (index < 0 || index >= result.Interfaces.Count)
                    throw Wrong($"address {ip.Address} of prevResult names interface {index} of {result.Interfaces.Count}");
                if (result.Interfaces[index].Name != ifName)
                    continue;
            }

            own.Add(ip);
        }

        return own;
    }

    /// <summary>The interface itself, in its sandbox.</summary>
    /// <exception cref="CniException">Code 7: it does not exist, whatever the result says.</exception>
    internal static Link Find(RouteSocket container, string ifName) =>
        container.FindLink(ifName) ?? throw Wrong($"interface \"{ifName}\" of prevResult does not exist in the container");

    /// <summary>Runs a function inside the container's namespace on the calling thread: see <see cref="NetworkNamespace.RunHere{T}"/> for what it must not do.</summary>
    internal static T Inside<T>(NetworkNamespace container, Func<T> action)
    {
        using var home = NetworkNamespace.OpenCurrent();
        return container.RunHere(home, action);
    }

    private static CniException Wrong(string text) => new(CniError.InvalidNetworkConfig, text);
}
