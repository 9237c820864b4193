using System.Net;
using Patchbay.Cni.Model;
using Patchbay.Plugins.Meta.Firewall.DBus;

namespace Patchbay.Plugins.Meta.Firewall;

/// <summary>Sources of a zone of firewalld (firewalld.dbus(5)): what comes from them is judged by the zone's rules; the zone "trusted" lets it pass.</summary>
internal sealed class FirewalldZone : IDisposable
{
    private const string Service = "org.fedoraproject.FirewallD1";
    private const string Path = "/org/fedoraproject/FirewallD1";
    private const string Interface = "org.fedoraproject.FirewallD1.zone";

    // firewalld answers one call at a time, and a reload takes it seconds.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly SystemBus _bus;
    private readonly string _zone;

    private FirewalldZone(SystemBus bus, string zone)
    {
        _bus = bus;
        _zone = zone;
    }

    /// <summary>Connects to firewalld.</summary>
    /// <param name="zone">The zone.</param>
    /// <returns>The zone; null when there is no system bus, or firewalld is not on it.</returns>
    /// <exception cref="BusException">The bus is there but does not work.</exception>
    internal static FirewalldZone? TryOpen(string zone)
    {
        SystemBus? bus = null;
        try
        {
            bus = SystemBus.Connect(Limit);
            if (bus.HasOwner(Service))
                return new FirewalldZone(bus, zone);
        }
        catch (BusException error) when (error.IsAbsent)
        {
        }
        catch
        {
            bus?.Dispose();
            throw;
        }

        bus?.Dispose();
        return null;
    }

    /// <summary>Adds addresses to the zone; those that it has already are left.</summary>
    internal void Add(IEnumerable<IPAddress> addresses)
    {
        foreach (var address in addresses)
        {
            try
            {
                _bus.Call(Service, Path, Interface, "addSource", _zone, Source(address));
            }
            catch (BusException error) when (Says(error, "ZONE_ALREADY_SET") || Says(error, "ALREADY_ENABLED"))
            {
            }
            catch (BusException error)
            {
                throw new CniException(CniError.Internal, $"failed to add the address {address} to zone \"{_zone}\" of firewalld: {error.Message}", inner: error);
            }
        }
    }

    /// <summary>Removes addresses from the zone. One that is not in it, or in another one, is left.</summary>
    internal void Remove(IEnumerable<IPAddress> addresses)
    {
        foreach (var address in addresses)
        {
            try
            {
                _bus.Call(Service, Path, Interface, "removeSource", _zone, Source(address));
            }
            catch (BusException error) when (Says(error, "UNKNOWN_SOURCE") || Says(error, "ZONE_CONFLICT") || Says(error, "NOT_ENABLED") || Says(error, "INVALID_ZONE"))
            {
            }
            catch (BusException error)
            {
                throw new CniException(CniError.Internal, $"failed to remove the address {address} from zone \"{_zone}\" of firewalld: {error.Message}", inner: error);
            }
        }
    }

    /// <summary>Tells whether the zone has an address.</summary>
    internal bool Has(IPAddress address)
    {
        try
        {
            return _bus.Call(Service, Path, Interface, "querySource", _zone, Source(address)).Boolean();
        }
        catch (BusException error)
        {
            throw new CniException(CniError.Internal, $"cannot ask firewalld for the address {address} in zone \"{_zone}\": {error.Message}", inner: error);
        }
    }

    public void Dispose() => _bus.Dispose();

    private static string Source(IPAddress address) => $"{address}/{(FirewallTarget.IsIPv4(address) ? 32 : 128)}";

    // firewalld's errors all have one name; the code begins the text: "ZONE_ALREADY_SET: '10.1.0.5/32' already bound to 'trusted'".
    private static bool Says(BusException error, string code) => error.ErrorName is not null && error.Message.Contains(code, StringComparison.Ordinal);
}
