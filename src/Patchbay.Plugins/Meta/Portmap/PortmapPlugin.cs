using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Meta.Portmap;

/// <summary>portmap: ports of the host lead to the container. docs/portmap.md.</summary>
internal sealed class PortmapPlugin : CniPlugin
{
    public override string Name => "portmap";

    public override CniResult Add(PluginRequest request)
    {
        var config = PortmapConfig.Read(request);
        var result = ChainedInterface.Require(request, "must be called as chained plugin: portmap needs the result of the plugin that made the interface (prevResult)");
        if (config.Mappings.Count == 0)
            return result;
        var addresses = Addresses(request, config);
        var undo = new Rollback();
        try
        {
            undo.Push(() => HostPorts.Remove(request));
            HostPorts.Add(request, config, addresses);
            UdpConnections.ForgetTo(request, config.Mappings);
            return result;
        }
        catch (CniException error) when (error.Code == CniError.InvalidNetworkConfig)
        {
            // Nothing was begun: in particular a repeated ADD that asks for somebody else's port keeps what it has.
            throw;
        }
        catch (Exception error)
        {
            throw undo.Undo(error);
        }
    }

    public override void Delete(PluginRequest request) => HostPorts.Remove(request);

    public override void Check(PluginRequest request)
    {
        var config = PortmapConfig.Read(request);
        var result = request.Config.PrevResult ?? throw InterfaceCheck.Failed("portmap: Required prevResult missing");
        ChainedInterface.RequireSandbox(request, result, request.IfName);
        if (config.Mappings.Count > 0)
            PortmapCheck.Run(request, config, Addresses(request, config));
    }

    public override void GarbageCollect(PluginRequest request)
    {
        if (request.Config.ValidAttachments is { } valid)
            HostPorts.Collect(request, valid);
    }

    public override void Status(PluginRequest request) => HostPorts.RequireBackend(PortmapConfig.Read(request));

    // A port that leads nowhere without a word is found only when it is needed.
    private static ContainerAddresses Addresses(PluginRequest request, PortmapConfig config)
    {
        var addresses = ContainerAddresses.Find(request);
        foreach (var ipv4 in ContainerAddresses.Families)
        {
            if (addresses.Of(ipv4) is not null && config.Applies(ipv4))
                return addresses;
        }

        throw new CniException(CniError.InvalidNetworkConfig, $"portmap: prevResult has no address of interface \"{request.IfName}\" for the ports to lead to: an earlier plugin of the list must give it one of the family of each hostIP");
    }
}
