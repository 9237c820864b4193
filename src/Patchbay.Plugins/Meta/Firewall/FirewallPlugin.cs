using System.Net;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink.Netfilter;
using Patchbay.Plugins.Interfaces;
using Patchbay.Plugins.Main.Masquerading;

namespace Patchbay.Plugins.Meta.Firewall;

/// <summary>firewall: lets a container's packets through the host's packet filter, and keeps those of other bridges out. docs/firewall.md.</summary>
internal sealed class FirewallPlugin : CniPlugin
{
    public override string Name => "firewall";

    public override IReadOnlyList<SpecVersion> SupportedVersions => [SpecVersion.V040, SpecVersion.V100, SpecVersion.V110];

    public override CniResult Add(PluginRequest request)
    {
        var config = FirewallConfig.Read(request);
        var result = ChainedInterface.Require(request, "missing prevResult from earlier plugin: firewall must be called as chained plugin");
        var target = Target(request, config, result);
        using var choice = BackendChoice.Make(config);
        var undo = new Rollback();
        try
        {
            undo.Push(() => FirewallRemoval.Delete(target, choice.Zone));
            FirewallSetup.Add(target, choice);
            return result;
        }
        catch (Exception error)
        {
            throw undo.Undo(error);
        }
    }

    public override void Delete(PluginRequest request)
    {
        var cleanup = new Cleanup();
        var config = FirewallConfig.ReadLeniently(request, cleanup);
        IReadOnlyList<IPAddress> addresses = [];
        cleanup.Step(() => addresses = request.Config.PrevResult is { } result ? FirewallTarget.AddressesIn(result, request) : []);
        var target = new FirewallTarget(new MasqueradeName(request), addresses, config);
        cleanup.Step(() => FirewallRemoval.Delete(target));
        cleanup.ThrowIfFailed();
    }

    public override void Check(PluginRequest request)
    {
        var config = FirewallConfig.Read(request);
        var result = request.Config.PrevResult ?? throw InterfaceCheck.Failed("firewall: Required prevResult missing");
        ChainedInterface.RequireSandbox(request, result, request.IfName);
        FirewallCheck.Run(Target(request, config, result));
    }

    public override void GarbageCollect(PluginRequest request)
    {
        if (request.Config.ValidAttachments is not { } valid)
            return;
        var cleanup = new Cleanup();
        var config = FirewallConfig.ReadLeniently(request, cleanup);
        cleanup.Step(() => FirewallRemoval.Collect(request.Config.Name, valid, config));
        cleanup.ThrowIfFailed();
    }

    public override void Status(PluginRequest request) => FirewallStatus.Require(FirewallConfig.Read(request));

    private static FirewallTarget Target(PluginRequest request, FirewallConfig config, CniResult result) =>
        new(new MasqueradeName(request), FirewallTarget.AddressesIn(result, request), config)
        {
            Bridge = config.Policy == IngressPolicy.Open ? null : PolicyBridge.Find(result, request.Config.Root.String("ingressPolicy")!),
        };
}
