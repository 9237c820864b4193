using Patchbay.Policy.Model;

namespace Patchbay.Policy.Store;

/// <summary>All security groups at one revision.</summary>
/// <param name="Revision">The store's count of changes to them.</param>
/// <param name="LastUpdated">When the last one was, in nanoseconds since 1970; 0 for never.</param>
/// <param name="Groups">The groups, each with a number that it keeps, lowest first.</param>
internal sealed record SecurityGroupList(long Revision, long LastUpdated, IReadOnlyList<(long Id, SecurityGroup Group)> Groups)
{
    /// <summary>A page of those that hold everywhere or in one of these spaces.</summary>
    /// <param name="spaces">The spaces.</param>
    /// <param name="from">The first number of the page.</param>
    /// <param name="limit">How many at most; 0 for all.</param>
    /// <returns>The groups, and the first number of the next page, 0 on the last.</returns>
    internal (IReadOnlyList<SecurityGroup> Page, long Next) ForSpaces(IReadOnlySet<string> spaces, long from, long limit)
    {
        var page = new List<SecurityGroup>();
        foreach ((long id, SecurityGroup group) in Groups)
        {
            if (id < from || !(group.IsGlobal || group.StagingSpaces.Any(spaces.Contains) || group.RunningSpaces.Any(spaces.Contains)))
                continue;
            if (limit > 0 && page.Count == limit)
                return (page, id);
            page.Add(group);
        }

        return (page, 0);
    }
}
