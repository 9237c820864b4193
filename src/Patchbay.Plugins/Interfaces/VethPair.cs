using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Interfaces;

/// <summary>A virtual cable from the host into a container.</summary>
/// <param name="Container">The container's end.</param>
/// <param name="HostName">Name of the host's end: <c>veth</c> and eight hexadecimal digits.</param>
internal sealed record VethPair(Link Container, string HostName)
{
    // Two of 2^32 names are rarely equal; ten failures in a row mean that something else is wrong.
    private const int Attempts = 10;

    // The kernel makes one for each processor that there could be, each with files in sysfs, and then uses the first alone (drivers/net/veth.c,
    // veth_init_queues): a third of the time that it takes to make a pair on a machine with two.
    private const int Queues = 1;

    /// <summary>Index of the host's end in the host's namespace.</summary>
    internal int HostIndex => Container.LowerIndex;

    // ip -n CONTAINER link add IFNAME type veth peer name vethXXXXXXXX netns HOST up
    /// <summary>Creates the pair from inside the container's namespace, with the host's end already in the host's.</summary>
    /// <param name="container">The container's stack.</param>
    /// <param name="host">The host's namespace.</param>
    /// <param name="name">The container's interface name.</param>
    /// <param name="mtu">MTU of both ends; 0 for the kernel's default.</param>
    /// <param name="address">Ethernet address of the container's end; null for a random one.</param>
    /// <exception cref="NetlinkException">The kernel refused; a name that exists in the container is named.</exception>
    internal static VethPair Create(NetworkStack container, NetworkNamespace host, string name, int mtu, MacAddress? address)
    {
        int? size = mtu == 0 ? null : mtu;
        for (var attempt = 1; ; attempt++)
        {
            var hostName = $"veth{(uint)Random.Shared.NextInt64(1L << 32):x8}";
            Link? created = null;
            var batch = new NetlinkBatch();
            batch.AddLink(new LinkSettings
            {
                Name = name,
                Mtu = size,
                Address = address,
                Queues = Queues,
                Kind = new Veth(new LinkSettings { Name = hostName, Mtu = size, Queues = Queues, Namespace = host }),
            });
            batch.GetLink(name, link => created = link, Tolerated.Missing);
            if (container.Route.TryExecute(batch) is not [var error, ..])
                return new VethPair(created!, hostName);
            // EEXIST is said of either name; the container's own is looked at only now.
            if (error.Error != Errno.Exists)
                throw error;
            if (created is not null || attempt == Attempts)
                throw new NetlinkException($"create veth \"{name}\"", $"container veth name (\"{name}\") peer provided (\"{hostName}\") already exists");
        }
    }
}
