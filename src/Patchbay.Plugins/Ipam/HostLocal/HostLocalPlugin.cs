using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;

namespace Patchbay.Plugins.Ipam.HostLocal;

/// <summary>Addresses from ranges of this host's own, remembered in files: docs/host-local.md.</summary>
internal sealed class HostLocalPlugin : CniPlugin
{
    public override string Name => "host-local";

    public override CniResult Add(PluginRequest request) => WithCodes(() =>
    {
        var config = HostLocalConfig.Read(request.Config);
        var requested = HostLocalConfig.ReadRequested(request.Config, request.Args);
        var ipam = request.Config.Ipam!.Value;
        var dns = ipam.String("resolvConf") is { Length: > 0 } path ? ReadDns(path) : CniDns.Empty;
        CniRoute[] routes = [.. (ipam.Array("routes") ?? []).Select(CniRoute.Read)];
        var owner = new Owner(request.ContainerId, request.IfName);

        // Everything that can be wrong with the request is known before the lock is taken: other containers wait for it.
        List<Allocation> given;
        using (var store = Open(config, StoreAccess.Create, request)!)
            given = Allocator.Allocate(store, config.Sets, owner, requested);

        return new CniResult
        {
            Ips = [.. given.Select(allocation => new CniIp
            {
                Address = new IpPrefix(allocation.Address.ToIPAddress(), allocation.Range.PrefixLength),
                Gateway = allocation.Range.Gateway.ToIPAddress(),
            })],
            Routes = routes,
            Dns = dns,
        };
    });

    public override void Delete(PluginRequest request) => WithCodes(() =>
    {
        using var store = Open(HostLocalConfig.ReadForRelease(request.Config), StoreAccess.Change, request);
        store?.ReleaseAll(new Owner(request.ContainerId, request.IfName));
        return true;
    });

    /// <summary>
    /// The addresses of prevResult that are from our ranges must be this attachment's. Without any the rule of the reference applies: some address must be.
    /// </summary>
    public override void Check(PluginRequest request) => WithCodes(() =>
    {
        var config = HostLocalConfig.Read(request.Config);
        var owner = new Owner(request.ContainerId, request.IfName);
        using var store = Open(config, StoreAccess.Read, request);

        int ours = 0;
        foreach (var ip in request.Config.PrevResult?.Ips ?? [])
        {
            var address = Address.From(ip.Address.Address);
            if (!config.Sets.Any(set => set.RangeFor(address) is not null))
                continue;
            ours++;
            if (store is null || !(store.Holds(address, owner.Content) || store.Holds(address, owner.Legacy)))
                throw new CniException(CniError.Internal,
                    $"host-local: {address} is not reserved by container {request.ContainerId}, interface {request.IfName} ({config.Path}/{address})");
        }
        if (ours == 0 && (store is null || !store.HasAny(owner)))
            throw new CniException(CniError.Internal, $"host-local: Failed to find address added by container {request.ContainerId}");
        return true;
    });

    public override void GarbageCollect(PluginRequest request) => WithCodes(() =>
    {
        var config = HostLocalConfig.ReadForRelease(request.Config);
        // No list at all is a runtime that does not tell, not one without attachments.
        if (request.Config.ValidAttachments is not { } valid)
            return true;
        using (var store = Open(config, StoreAccess.Change, request))
        {
            if (store is not null)
                ReservationCollector.Collect(store, valid, note => PluginHost.Note(request.Environment, note));
        }
        ReservationCollector.RemoveDeadIndexes(config.DataDirectory);
        return true;
    });

    public override void Status(PluginRequest request) => WithCodes(() =>
    {
        var config = HostLocalConfig.Read(request.Config);
        AddressSupply.RequireWritable(config);
        try
        {
            using var store = Open(config, StoreAccess.Read, request);
            AddressSupply.RequireFree(store, config);
        }
        catch (IOException e)
        {
            throw new CniException(CniError.PluginNotAvailable, $"host-local: {e.Message}", inner: e);
        }
        return true;
    });

    private static ReservationStore? Open(HostLocalConfig config, StoreAccess access, PluginRequest request)
        => ReservationStore.Open(config.DataDirectory, config.Network, config.Sets, access, note => PluginHost.Note(request.Environment, note));

    private static CniDns ReadDns(string path)
    {
        string text;
        try
        {
            text = File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"cannot read resolvConf {path}: {e.Message}", e);
        }
        var conf = ResolvConf.Parse(text);
        return new CniDns { Nameservers = conf.Nameservers, Domain = conf.Domain, Search = conf.Search, Options = conf.Options };
    }

    private static T WithCodes<T>(Func<T> operation)
    {
        try
        {
            return operation();
        }
        catch (Exception e) when (e is IOException or AllocationException)
        {
            bool disk = e is IOException || e.InnerException is IOException;
            throw new CniException(disk ? CniError.IoFailure : CniError.Internal, e.Message, inner: e);
        }
    }
}
