using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;

namespace Patchbay.Plugins.Ipam.Dhcp;

/// <summary>dhcp: addresses from a DHCP server on the container's own network, kept by <c>dhcp daemon</c>. docs/dhcp.md.</summary>
internal sealed class DhcpPlugin : CniPlugin
{
    public override string Name => "dhcp";

    public override CniResult Add(PluginRequest request)
    {
        var config = DhcpConfig.Read(request.Config);
        var settings = DhcpConfig.ReadClient(request);
        using var daemon = DaemonClient.Connect(config.SocketPath);
        return daemon.Allocate(DhcpConfig.KeyOf(request), Path.GetFullPath(request.NetnsPath), settings);
    }

    public override void Delete(PluginRequest request)
    {
        var config = DhcpConfig.Read(request.Config);
        var key = DhcpConfig.KeyOf(request);
        AbsentDaemon.Otherwise(config, text => PluginHost.Note(request.Environment, text), daemon => daemon.Release(key), each => each == key);
    }

    /// <summary>The lease must be there, and the addresses that the runtime remembers be those of it.</summary>
    public override void Check(PluginRequest request)
    {
        var config = DhcpConfig.Read(request.Config);
        using var daemon = DaemonClient.Connect(config.SocketPath);
        var leased = daemon.Check(DhcpConfig.KeyOf(request), Path.GetFullPath(request.NetnsPath)).Ips[0].Address;
        if (request.Config.PrevResult is { } previous && !previous.Ips.Any(ip => ip.Address == leased))
            throw new CniException(CniError.Internal, $"dhcp: the lease is for {leased}, and prevResult has {string.Join(", ", previous.Ips.Select(ip => ip.Address))}");
    }

    public override void GarbageCollect(PluginRequest request)
    {
        var config = DhcpConfig.Read(request.Config);
        // No list at all is a runtime that does not tell, not one without attachments.
        if (request.Config.ValidAttachments is not { } valid)
            return;
        string network = request.Config.Name;
        AbsentDaemon.Otherwise(
            config,
            text => PluginHost.Note(request.Environment, text),
            daemon => daemon.Collect(network, valid),
            key => key.Network == network && !valid.Any(each => each.ContainerId == key.ContainerId && each.IfName == key.IfName));
    }

    public override void Status(PluginRequest request)
    {
        var config = DhcpConfig.Read(request.Config);
        DhcpConfig.ReadClient(request);
        try
        {
            using var daemon = DaemonClient.Connect(config.SocketPath);
            daemon.Ping();
        }
        catch (CniException error)
        {
            throw new CniException(CniError.PluginNotAvailable, error.Message, error.Details, error);
        }
    }
}
