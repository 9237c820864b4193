using System.Runtime.InteropServices;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Meta.Flannel;

/// <summary>flannel: has another plugin make the interface, with the subnet that flanneld has leased for this host. docs/flannel.md.</summary>
internal sealed class FlannelPlugin : CniPlugin
{
    internal const string TypeName = "flannel";

    public override string Name => TypeName;

    public override string About => $"CNI Plugin flannel version v{PluginHost.ReferenceVersion}+patchbay.{PluginHost.ProgramVersion} (linux/{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()})";

    public override CniResult Add(PluginRequest request)
    {
        var config = FlannelConfig.Read(request.Config);
        var made = DelegateConfig.Make(config, SubnetFile.Read(config.SubnetFile));
        RequireFree(request);
        // Before anything is made: a DEL after a crash must know what to undo.
        var former = StateFile.Find(config.DataDirectory, request);
        var state = Write(config, request, made);
        var undo = new Rollback();
        undo.Push(() =>
        {
            // The attachment may live, with another namespace, and then it is the reason for the failure.
            if (former?.Path == state)
                former.PutBack();
            else
                File.Delete(state);
        });
        try
        {
            return request.Delegate(config.DelegateType, made).Add();
        }
        catch (Exception error)
        {
            throw undo.Undo(error);
        }
    }

    public override void Delete(PluginRequest request)
    {
        var config = FlannelConfig.Read(request.Config);
        var state = StateFile.Find(config.DataDirectory, request);
        if (Made(config, state, request) is { } made)
            request.Delegate(made.Type, made).Delete();
        // Only now: if the delegate failed, the next DEL needs it again.
        state?.Remove();
    }

    public override void Check(PluginRequest request)
    {
        var config = FlannelConfig.Read(request.Config);
        var state = StateFile.Find(config.DataDirectory, request);
        if (state?.Made is not { } made)
            throw InterfaceCheck.Failed($"flannel: {state?.Path ?? Path.Combine(config.DataDirectory, request.ContainerId)} {(state is null ? "is missing" : "is damaged")}: it tells how {request.IfName} was made");
        if (Lease(config) is { } lease)
            RequireSubnets(state, made, lease);
        request.Delegate(state.DelegateType!, DelegateConfig.Renew(made, request.Config)).Check();
    }

    public override void GarbageCollect(PluginRequest request)
    {
        var config = FlannelConfig.Read(request.Config);
        var cleanup = new Cleanup();
        if (request.Config.ValidAttachments is { } valid)
        {
            IReadOnlyList<StateFile> states = [];
            cleanup.Step(() => states = StateFile.All(config.DataDirectory));
            foreach (var state in states)
            {
                if (state.Network == request.Config.Name && !valid.Any(state.IsOf))
                    cleanup.Step(() => Collect(state, request));
            }
        }

        cleanup.Step(() => request.Delegate(config.DelegateType, DelegateConfig.Make(config, Lease(config))).GarbageCollect());
        cleanup.ThrowIfFailed();
    }

    public override void Status(PluginRequest request)
    {
        var config = FlannelConfig.Read(request.Config);
        try
        {
            var made = DelegateConfig.Make(config, SubnetFile.Read(config.SubnetFile));
            StateDirectory.RequireWritable(config.DataDirectory);
            request.Delegate(config.DelegateType, made).Status();
        }
        catch (CniException error) when (error.Code == CniError.TryAgainLater)
        {
            throw new CniException(CniError.PluginNotAvailable, error.Message, error.Details, error);
        }
    }

    // The delegate would refuse too, but a delegate that fails gets a DEL (CNI specification, "Delegated Plugin Execution Procedure"), which would
    // end the attachment that has the interface.
    private static void RequireFree(PluginRequest request)
    {
        using var netns = Sandbox.OpenNamespace(request.NetnsPath);
        using var home = NetworkNamespace.OpenCurrent();
        using var route = netns.RunHere(home, RouteSocket.Open);
        if (route.FindLink(request.IfName) is not null)
            throw new CniException(CniError.Internal, $"container interface \"{request.IfName}\" already exists in \"{request.NetnsPath}\"");
    }

    private static string Write(FlannelConfig config, PluginRequest request, NetworkConfig made)
    {
        try
        {
            return StateFile.Write(config.DataDirectory, request, made);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CniException(CniError.IoFailure, $"flannel: cannot note the attachment in \"{config.DataDirectory}\" (dataDir): {error.Message}", inner: error);
        }
    }

    // How the attachment was made, as well as it can be known; null when nothing tells of one.
    private static NetworkConfig? Made(FlannelConfig config, StateFile? state, PluginRequest request)
    {
        if (state?.Made is { } made)
            return DelegateConfig.Renew(made, request.Config);
        if (state is not null)
            PluginHost.Note(request.Environment, $"flannel: {state.Path} is damaged; the configuration and the subnet file are used instead");
        // The DEL of an attachment that is gone must do no harm, so it may as well be done.
        if (Lease(config) is { } lease)
            return DelegateConfig.Renew(DelegateConfig.Make(config, lease).Root, request.Config);
        var subnets = new List<IpPrefix>();
        foreach (var ip in PreviousIps(request))
            subnets.Add(new IpPrefix(ip.Address.Network.BaseAddress, ip.Address.PrefixLength));
        return subnets.Count > 0 ? DelegateConfig.Renew(DelegateConfig.Make(config, null, subnets).Root, request.Config) : null;
    }

    private static IReadOnlyList<CniIp> PreviousIps(PluginRequest request)
    {
        try
        {
            return request.Config.PrevResult?.Ips ?? [];
        }
        catch (CniException)
        {
            return []; // a teardown does what it can
        }
    }

    // The lease where it only helps: flanneld may be starting again.
    private static SubnetFile? Lease(FlannelConfig config)
    {
        try
        {
            return SubnetFile.Read(config.SubnetFile);
        }
        catch (CniException error) when (error.Code == CniError.TryAgainLater)
        {
            return null;
        }
    }

    // With another lease the other hosts send this subnet's packets elsewhere.
    private static void RequireSubnets(StateFile state, JsonView made, SubnetFile lease)
    {
        foreach (var set in made.Object("ipam")?.Array("ranges") ?? [])
        {
            foreach (var range in set.AsArray())
            {
                if (range.Prefix("subnet") is { } subnet && lease.Subnet != subnet && lease.Subnet6 != subnet)
                    throw InterfaceCheck.Failed($"flannel: the container was made with the subnet {subnet} ({state.Path}), which is not this host's any more: {lease.Path} has {string.Join(", ", DelegateConfig.Leased(lease))}");
            }
        }
    }

    // The delegate's own GC may not exist, its DEL does; without an interface only the former can help.
    private static void Collect(StateFile state, PluginRequest request)
    {
        if (state is { IfName: { } ifName, ContainerId.Length: > 0 })
        {
            Validation.ContainerId(state.ContainerId);
            Validation.InterfaceName(ifName);
            var gone = request with { ContainerId = state.ContainerId, IfName = ifName, NetnsPath = "" };
            gone.Delegate(state.DelegateType!, DelegateConfig.Renew(state.Made!.Value, request.Config)).Delete();
        }

        state.Remove();
    }
}
