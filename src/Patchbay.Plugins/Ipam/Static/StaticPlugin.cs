using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;

namespace Patchbay.Plugins.Ipam.Static;

/// <summary>The addresses that the configuration or the runtime names. Keeps no state.</summary>
internal sealed class StaticPlugin : CniPlugin
{
    public override string Name => "static";

    public override CniResult Add(PluginRequest request)
    {
        var config = StaticConfig.Read(request);
        return new CniResult { Ips = config.Addresses, Routes = config.Routes, Dns = config.Dns };
    }

    public override void Delete(PluginRequest request)
    {
    }

    /// <summary>Every address must be in prevResult, with its prefix and, where one is configured, its gateway.</summary>
    public override void Check(PluginRequest request)
    {
        var config = StaticConfig.Read(request);
        var previous = request.Config.PrevResult ?? throw new CniException(CniError.InvalidNetworkConfig, "static: Required prevResult missing");
        foreach (var wanted in config.Addresses)
        {
            if (!previous.Ips.Any(ip => ip.Address == wanted.Address && (wanted.Gateway is null || wanted.Gateway.Equals(ip.Gateway))))
                throw new CniException(CniError.Internal, $"static: Failed to match addr {wanted.Address} on interface {request.IfName}");
        }
    }

    public override void Status(PluginRequest request) => StaticConfig.Read(request);
}
