using Patchbay.Cni.Model;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Main.HostDevice;

/// <summary>Moves a device from one namespace to another and gives it another name on the way.</summary>
/// <remarks>
/// It is renamed where nobody watches: in the container, or, if the name that it has on the host is taken there, in a namespace made for that.
/// On the host udev and network managers react to a new name. A request that both moves and renames may fail half-way, so each step is a
/// request of its own and can be taken back. A move takes the kernel 10 to 20 ms, so there is none too many.
/// </remarks>
internal sealed class DeviceMove : IDisposable
{
    private readonly Place[] _way;
    private readonly Place _renameAt;
    private readonly NetworkNamespace? _between;
    private readonly Link _original;
    private readonly string _name;
    private int _at;
    private bool _renamed;

    /// <summary>Prepares a move.</summary>
    /// <param name="from">Where the device is.</param>
    /// <param name="to">Where it goes.</param>
    /// <param name="container">Which of the two is the container.</param>
    /// <param name="device">The device.</param>
    /// <param name="name">Its new name.</param>
    internal DeviceMove(Place from, Place to, Place container, Link device, string name)
    {
        (_original, _name) = (device, name);
        var hostName = container == to ? device.Name : name;
        if (device.Name == name || container.Route.FindLink(hostName) is null)
        {
            (_way, _renameAt) = ([from, to], container);
            return;
        }

        _between = NetworkNamespace.Create();
        try
        {
            _renameAt = new Place(RouteSocket.Open(_between), _between, "a namespace between");
        }
        catch
        {
            _between.Dispose();
            throw;
        }

        _way = [from, _renameAt, to];
    }

    private string CurrentName => _renamed ? _name : _original.Name;

    /// <summary>Moves the device; it arrives down.</summary>
    /// <param name="alias">What its alias is then; empty for none.</param>
    internal Link Run(string alias)
    {
        while (true)
        {
            if (_way[_at] == _renameAt)
            {
                Rename(_name, alias);
                _renamed = true;
            }

            if (_at == _way.Length - 1)
                return Find();
            Send(_at + 1);
        }
    }

    /// <summary>Brings the device back to where it was, with name, alias, master and state of before, from wherever it is.</summary>
    internal void TakeBack()
    {
        if (_at == 0 && !_renamed)
            return;
        if (_way[_at].Route.FindLink(CurrentName) is null)
            return; // gone altogether, as when the hardware is unplugged
        while (true)
        {
            if (_way[_at] == _renameAt && _renamed)
            {
                Rename(_original.Name, _original.Alias ?? "");
                _renamed = false;
            }

            if (_at == 0)
                break;
            Send(_at - 1);
        }

        var batch = new NetlinkBatch();
        var index = Find().Index;
        if (_original.Master != 0)
            batch.SetLink(index, new LinkSettings { Master = _original.Master }, Tolerated.Missing);
        if (_original.IsUp)
            batch.SetLink(index, new LinkSettings { Up = true });
        _way[0].Route.Execute(batch);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_between is null)
            return;
        _renameAt.Route.Dispose();
        _between.Dispose();
    }

    // Devices keep their name on the way, but not always their index.
    private Link Find() =>
        _way[_at].Route.FindLink(CurrentName) ?? throw new CniException(CniError.Internal, $"device \"{CurrentName}\" vanished while it was being moved");

    // ip link set NAME netns …
    private void Send(int next)
    {
        var (here, there) = (_way[_at], _way[next]);
        var batch = new NetlinkBatch();
        batch.SetLink(Find().Index, new LinkSettings { Namespace = there.Namespace });
        try
        {
            here.Route.Execute(batch);
        }
        catch (NetlinkException error)
        {
            var why = error.Error == Errno.Exists ? $": there is an interface \"{CurrentName}\" already" : error.Error == Errno.Invalid ? ": the kernel ties it to its namespace" : "";
            throw new CniException(CniError.Internal, $"failed to move device \"{_original.Name}\" to {there.Name}{why} ({error.Message})", inner: error);
        }

        _at = next;
    }

    // ip link set OLD name NEW alias ALIAS
    private void Rename(string name, string alias)
    {
        var link = Find();
        var batch = new NetlinkBatch();
        Ask(batch);
        try
        {
            _way[_at].Route.Execute(batch);
        }
        catch (NetlinkException error) when (error.Error == Errno.Busy)
        {
            // Before Linux 6.2 an interface that is up keeps its name. The move will set it down in any case, and waiting for that twice takes longer.
            batch.Clear();
            batch.SetLink(link.Index, new LinkSettings { Up = false });
            Ask(batch);
            _way[_at].Route.Execute(batch);
        }

        void Ask(NetlinkBatch requests)
        {
            if (link.Name != name)
                requests.SetLink(link.Index, new LinkSettings { Name = name });
            requests.SetLink(link.Index, new LinkSettings { Alias = alias });
        }
    }

    /// <summary>A namespace, as far as a move needs it.</summary>
    /// <param name="Route">Its links.</param>
    /// <param name="Namespace">The namespace.</param>
    /// <param name="Name">What errors call it.</param>
    internal sealed record Place(RouteSocket Route, NetworkNamespace Namespace, string Name);
}
