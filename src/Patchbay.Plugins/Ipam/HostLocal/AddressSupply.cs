using Patchbay.Cni.Model;

namespace Patchbay.Plugins.Ipam.HostLocal;

/// <summary>STATUS: whether an ADD now would find what it needs. Changes nothing.</summary>
internal static class AddressSupply
{
    /// <summary>Throws code 50 unless the network's directory can be written, or made where it is missing.</summary>
    internal static void RequireWritable(HostLocalConfig config)
    {
        var path = Path.GetFullPath(config.Path);
        while (!Directory.Exists(path) && Path.GetDirectoryName(path) is { } parent)
        {
            if (File.Exists(path))
                throw Unavailable($"cannot keep reservations in {config.Path}: {path} is not a directory");
            path = parent;
        }
        int error = Libc.Access(path, Libc.W_OK | Libc.X_OK);
        if (error != 0)
            throw Unavailable(Libc.Failure($"cannot keep reservations in {config.Path}: {path} is not writable", error).Message);
    }

    /// <summary>Throws code 50 if some range set has no free address. The directory is listed only if there are enough reservations to fill a set.</summary>
    /// <param name="store">The reservations; null while there are none.</param>
    /// <param name="config">The ranges.</param>
    internal static void RequireFree(ReservationStore? store, HostLocalConfig config)
    {
        for (int n = 0; n < config.Sets.Count; n++)
        {
            var set = config.Sets[n];
            var capacity = set.Capacity;
            // A range that is nothing but its gateway has none to give from the start.
            if (capacity > 0 && (store is null || (store.KnownCount is { } count && (uint)count < capacity)))
                continue;
            UInt128 taken = 0;
            foreach (var address in store?.Names() ?? [])
            {
                if (set.RangeFor(address) is { } range && address != range.Gateway)
                    taken++;
            }
            if (taken >= capacity)
                throw Unavailable($"network {config.Network}: no IP addresses available in range set {n}: {set}");
        }
    }

    private static CniException Unavailable(string message) => new(CniError.PluginNotAvailable, $"host-local: {message}");
}
