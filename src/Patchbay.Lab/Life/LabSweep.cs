using Patchbay.Lab.Ovs;
using Patchbay.Lab.Plan;
using Patchbay.Lab.Wiring;
using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Lab.Life;

/// <summary>Takes away everything that has a lab's mark, wherever it is on this machine; no record of it is needed.</summary>
internal static class LabSweep
{
    /// <param name="lab">The lab.</param>
    /// <param name="ovsSocket">Where Open vSwitch's database listens; null for the usual place.</param>
    /// <returns>What keeps something alive that is not the lab's, as texts.</returns>
    /// <exception cref="AggregateException">Something could not be removed; all else was.</exception>
    public static IReadOnlyList<string> Run(string lab, string? ovsSocket = null)
    {
        var ownership = new Ownership(lab);
        var failures = new List<Exception>();
        var strangers = new List<string>();
        var namespaces = Observer.OwnNamespaces(ownership, _ => true);
        Attempt(failures, () => strangers.AddRange(NodeProcesses.End(lab, namespaces)));
        foreach (var name in namespaces)
            Attempt(failures, () => Loans.ReturnFrom(NamedNamespace.PathOf(name), ownership));
        var own = namespaces.Select(NamedNamespace.PathOf).ToHashSet(StringComparer.Ordinal);
        foreach (var place in Place.OpenAll(KnownNamespaces.List(own)))
        {
            using (place)
                Attempt(failures, () => Sweep(place, ownership));
        }

        Attempt(failures, () => OvsWiring.RemoveAll(lab, ovsSocket ?? OpenVswitch.DefaultSocket));
        foreach (var name in namespaces)
            Attempt(failures, () => NamedNamespace.Remove(name));
        Attempt(failures, () => RemoveLeftovers(ownership));
        if (failures.Count > 0)
            throw new AggregateException(failures);
        return strangers;
    }

    // Of a process that was killed between the file and the mount on it, or between unmounting and deleting.
    private static void RemoveLeftovers(Ownership ownership)
    {
        if (!Directory.Exists(NamedNamespace.Directory))
            return;
        foreach (var path in Directory.EnumerateFiles(NamedNamespace.Directory, $"{ownership.Lab}-*"))
            NamedNamespace.RemoveLeftover(Path.GetFileName(path), ownership.Label);
    }

    /// <summary>Whether anything of a lab is there.</summary>
    public static bool Finds(string lab)
    {
        var ownership = new Ownership(lab);
        // One after the other: the first of several hundred answers for all.
        if (Directory.Exists(NamedNamespace.Directory)
            && Directory.EnumerateFiles(NamedNamespace.Directory, $"{lab}-*").Select(path => Path.GetFileName(path)).Any(name => Observer.OwnNamespaces(ownership, each => each == name).Count > 0))
            return true;
        foreach (var place in Place.OpenAll(KnownNamespaces.List([])))
        {
            using (place)
            {
                if (place.Route.ListLinks().Any(link => ownership.Owns(link) || ownership.LoanOf(link) is not null))
                    return true;
            }
        }

        return false;
    }

    private static void Sweep(Place place, Ownership ownership)
    {
        var links = Loans.Return(place, ownership);
        var ours = new List<Link>();
        var others = false;
        foreach (var link in links)
        {
            if (ownership.Owns(link))
                ours.Add(link);
            else
                others |= link.Group == ownership.Group;
        }

        if (ours.Count > 0)
        {
            var batch = new NetlinkBatch();
            // All at once takes the kernel one grace period in place of one for each; but a group of the same number may be somebody else's.
            if (!others)
                batch.DeleteLinkGroup(ownership.Group, Tolerated.Missing);
            else
                ours.ForEach(link => batch.DeleteLink(link.Index, Tolerated.Missing));
            place.Route.Execute(batch);
        }

        if (place.Nftables.IsAvailable() && place.Nftables.ListTables(NftFamily.Inet).Any(table => table.Name == ownership.Table))
            place.Nftables.Commit(RuleSet.Remove(ownership.Table));
    }

    private static void Attempt(List<Exception> failures, Action action)
    {
        try
        {
            action();
        }
        catch (Exception error)
        {
            failures.Add(error);
        }
    }
}
