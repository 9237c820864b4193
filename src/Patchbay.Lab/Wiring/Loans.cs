using Patchbay.Lab.Plan;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Lab.Wiring;

/// <summary>Interfaces of the host that a node has for a while. What they are at home is written on them (<see cref="Ownership.MarkOf(Loan)"/>), so that they are given back whatever happens to the lab's process.</summary>
/// <remarks>
/// Of a container that ends, the kernel itself puts hardware back, into the machine's first namespace, and deletes what is not hardware
/// (net/core/dev.c, default_device_exit_net).
/// </remarks>
internal static class Loans
{
    /// <summary>Moves an interface from here to a node, under its name there.</summary>
    public static void Give(LabLink link, Place here, Place node, Ownership ownership)
    {
        var links = here.Route.ListLinks();
        var found = links.FirstOrDefault(each => ownership.LoanOf(each)?.Name == link.Parent) ?? links.FirstOrDefault(each => each.Name == link.Parent)
            ?? throw new NetlinkException($"lend \"{link.Parent}\" to {link.End.Node}", Errno.NoDevice, "there is no such interface here");
        var batch = new NetlinkBatch();
        if (ownership.LoanOf(found) is null)
            batch.AddAlternativeName(found.Index, ownership.MarkOf(new Loan(Libc.InodeOf(here.Namespace.Path) ?? 0, found.IsUp, found.Address ?? default, found.Mtu, found.Name)));
        batch.SetLink(found.Index, new LinkSettings { Up = false });
        batch.SetLink(found.Index, new LinkSettings { Namespace = node.Namespace, Name = link.End.Name });
        here.Route.Execute(batch);
    }

    /// <summary>Gives back what is lent to a namespace that may be gone.</summary>
    public static void ReturnFrom(string path, Ownership ownership)
    {
        foreach (var place in Place.OpenAll([(path, path)]))
        {
            using (place)
                Return(place, ownership);
        }
    }

    /// <summary>Gives back what is lent to a place, or one of it.</summary>
    /// <returns>The interfaces that are there.</returns>
    public static IReadOnlyList<Link> Return(Place place, Ownership ownership, int? index = null)
    {
        var links = place.Route.ListLinks();
        foreach (var link in links)
        {
            if ((index is null || index == link.Index) && ownership.LoanOf(link) is { } loan)
                Return(place, link, loan, ownership.MarkOf(loan));
        }

        return links;
    }

    private static void Return(Place place, Link link, Loan loan, string mark)
    {
        // Where the home is no more, the process's own namespace is the host's.
        foreach (var home in Place.OpenAll([("", KnownNamespaces.Find(loan.Home) ?? "/proc/self/ns/net")]))
        {
            using (home)
            {
                var batch = new NetlinkBatch();
                batch.SetLink(link.Index, new LinkSettings { Up = false });
                if (!home.Namespace.IsSameAs(place.Namespace))
                    batch.SetLink(link.Index, new LinkSettings { Namespace = home.Namespace, Name = loan.Name });
                place.Route.Execute(batch);

                var back = home.Route.FindLink(mark) ?? throw new NetlinkException($"give \"{loan.Name}\" back", Errno.NoDevice, "it went away meanwhile");
                batch = new NetlinkBatch();
                batch.SetLink(back.Index, new LinkSettings
                {
                    Name = back.Name == loan.Name ? null : loan.Name,
                    Mtu = back.Mtu == loan.Mtu ? null : loan.Mtu,
                    Address = back.Address == loan.Mac || back.Address is null ? null : loan.Mac,
                    Up = loan.IsUp,
                });
                batch.DeleteAlternativeName(back.Index, mark); // the last, for until then it is not as it was
                home.Route.Execute(batch);
            }
        }
    }
}
