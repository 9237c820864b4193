using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Lab.Wiring;

/// <summary>A namespace that is open to be worked in from any thread: by sockets that were opened inside of it.</summary>
internal sealed class Place : IDisposable
{
    private Place(string node, NetworkNamespace @namespace, (RouteSocket Route, NftablesSocket Nftables) sockets)
    {
        Node = node;
        Namespace = @namespace;
        (Route, Nftables) = sockets;
    }

    public string Node { get; }

    public NetworkNamespace Namespace { get; }

    public RouteSocket Route { get; }

    public NftablesSocket Nftables { get; }

    /// <summary>Opens the namespace of the calling thread.</summary>
    public static Place OpenCurrent(string node) => new(node, NetworkNamespace.OpenCurrent(), OpenSockets());

    /// <summary>Makes a namespace without a name; <c>lo</c> is all it has.</summary>
    public static Place Create(string node)
    {
        var created = NetworkNamespace.Create();
        try
        {
            return new Place(node, created, created.Run(OpenSockets));
        }
        catch
        {
            created.Dispose();
            throw;
        }
    }

    /// <summary>Opens several namespaces by one thread that visits them in turn; those that are gone are left out.</summary>
    public static List<Place> OpenAll(IReadOnlyList<(string Node, string Path)> wanted)
    {
        using var home = NetworkNamespace.OpenCurrent();
        return home.Run(() =>
        {
            var places = new List<Place>();
            foreach (var (node, path) in wanted)
            {
                NetworkNamespace? there = null;
                try
                {
                    there = NetworkNamespace.Open(path);
                    places.Add(new Place(node, there, there.RunHere(home, OpenSockets)));
                }
                catch (Exception error) when (error is FileNotFoundException or NetlinkException { Error: Errno.NotFound or Errno.NoSuchRoute or Errno.Invalid })
                {
                    there?.Dispose(); // its process ended between the list and now
                }
            }

            return places;
        });
    }

    public void Dispose()
    {
        Nftables.Dispose();
        Route.Dispose();
        Namespace.Dispose();
    }

    private static (RouteSocket Route, NftablesSocket Nftables) OpenSockets()
    {
        var route = RouteSocket.Open();
        try
        {
            return (route, NftablesSocket.Open());
        }
        catch
        {
            route.Dispose();
            throw;
        }
    }
}
