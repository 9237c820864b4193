using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Main.HostDevice;

/// <summary>Moves a device from one namespace to another and gives it another name on the way.</summary>
/// <remarks>
/// It is renamed in a namespace between the two, where nobody watches: on the host udev and network managers react to a new name, in either
/// place the other name may be taken, and a request that both moves and renames may fail half-way. Each step can be taken back.
/// </remarks>
internal sealed class DeviceMove : IDisposable
{
    private readonly Place _from;
    private readonly Place _to;
    private readonly NetworkNamespace _between;
    private readonly RouteSocket _betweenRoute;
    private readonly Link _original;
    private readonly string _name;
    private Step _step;

    /// <summary>Prepares a move.</summary>
    /// <param name="from">Where the device is.</param>
    /// <param name="to">Where it goes.</param>
    /// <param name="device">The device.</param>
    /// <param name="name">Its new name.</param>
    internal DeviceMove(Place from, Place to, Link device, string name)
    {
        (_from, _to, _original, _name) = (from, to, device, name);
        _between = NetworkNamespace.Create();
        try
        {
            _betweenRoute = RouteSocket.Open(_between);
        }
        catch
        {
            _between.Dispose();
            throw;
        }
    }

    private enum Step
    {
        None,
        Between,
        Arrived,
    }

    /// <summary>Moves the device; it arrives down.</summary>
    /// <param name="alias">What its alias is then; empty for none.</param>
    internal Link Run(string alias)
    {
        Send(_from.Route, _original.Name, _between);
        _step = Step.Between;
        Rename(_original.Name, _name, alias);
        Send(_betweenRoute, _name, _to.Namespace);
        _step = Step.Arrived;
        return Find(_to.Route, _name);
    }

    /// <summary>Brings the device back to where it was, with name, alias, master and state of before, from wherever it is.</summary>
    internal void TakeBack()
    {
        if (_step == Step.Arrived)
        {
            if (_to.Route.FindLink(_name) is null)
                return; // gone altogether, as when the hardware is unplugged
            Send(_to.Route, _name, _between);
            _step = Step.Between;
        }

        if (_step != Step.Between)
            return;
        if (_betweenRoute.FindLink(_name) is not null)
            Rename(_name, _original.Name, _original.Alias ?? "");
        else
            Rename(_original.Name, _original.Name, _original.Alias ?? "");
        Send(_betweenRoute, _original.Name, _from.Namespace);
        _step = Step.None;
        var batch = new NetlinkBatch();
        var index = Find(_from.Route, _original.Name).Index;
        if (_original.Master != 0)
            batch.SetLink(index, new LinkSettings { Master = _original.Master }, Tolerated.Missing);
        if (_original.IsUp)
            batch.SetLink(index, new LinkSettings { Up = true });
        _from.Route.Execute(batch);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _betweenRoute.Dispose();
        _between.Dispose();
    }

    // Devices keep their name on the way, but not always their index.
    private static Link Find(RouteSocket route, string name) =>
        route.FindLink(name) ?? throw new CniException(CniError.Internal, $"device \"{name}\" vanished while it was being moved");

    // ip link set NAME netns …
    private void Send(RouteSocket from, string name, NetworkNamespace to)
    {
        var batch = new NetlinkBatch();
        batch.SetLink(Find(from, name).Index, new LinkSettings { Namespace = to });
        try
        {
            from.Execute(batch);
        }
        catch (NetlinkException error)
        {
            var target = ReferenceEquals(to, _between) ? "out of its namespace" : $"to {(ReferenceEquals(to, _to.Namespace) ? _to.Name : _from.Name)}";
            var why = error.Error == Errno.Exists ? $": there is an interface \"{name}\" already" : error.Error == Errno.Invalid ? ": the kernel ties it to its namespace" : "";
            throw new CniException(CniError.Internal, $"failed to move device \"{_original.Name}\" {target}{why} ({error.Message})", inner: error);
        }
    }

    // ip link set OLD name NEW; ip link set NEW alias ALIAS
    private void Rename(string old, string name, string alias)
    {
        var batch = new NetlinkBatch();
        var index = Find(_betweenRoute, old).Index;
        if (old != name)
            batch.SetLink(index, new LinkSettings { Name = name });
        batch.SetLink(index, new LinkSettings { Alias = alias });
        _betweenRoute.Execute(batch);
    }

    /// <summary>A namespace, as far as a move needs it.</summary>
    /// <param name="Route">Its links.</param>
    /// <param name="Namespace">The namespace.</param>
    /// <param name="Name">What errors call it.</param>
    internal sealed record Place(RouteSocket Route, NetworkNamespace Namespace, string Name);
}
