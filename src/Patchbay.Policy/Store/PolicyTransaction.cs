using System.Data.Common;
using Patchbay.Policy.Model;

namespace Patchbay.Policy.Store;

/// <summary>Creating and deleting within one transaction, and what came of it.</summary>
internal sealed class PolicyTransaction(DbTransaction transaction, TagTable tags)
{
    private const string Key = "source_id = @source AND destination_id = @destination AND protocol = @protocol AND start_port = @start AND end_port = @end";
    private readonly List<StoredPolicy> _added = [];
    private readonly List<StoredPolicy> _removed = [];

    internal IReadOnlyList<StoredPolicy> Added => _added;

    internal IReadOnlyList<StoredPolicy> Removed => _removed;

    /// <returns>Whether anything changed.</returns>
    internal bool Create(IReadOnlyList<NetworkPolicy> policies, int? maximumPerSource)
    {
        var insert = new Statement(transaction, """
            INSERT INTO policies (source_id, destination_id, protocol, start_port, end_port) VALUES (@source, @destination, @protocol, @start, @end)
            ON CONFLICT DO NOTHING RETURNING id
            """, "source", "destination", "protocol", "start", "end");
        foreach (NetworkPolicy policy in policies)
        {
            int source = tags.Take(policy.Source);
            int destination = tags.Take(policy.Destination);
            if (insert.Number(source, destination, policy.Protocol, policy.StartPort, policy.EndPort) is { } id)
                _added.Add(new StoredPolicy(id, policy, source, destination));
        }

        if (maximumPerSource is { } maximum)
            CheckQuota(maximum);
        return _added.Count > 0;
    }

    /// <returns>Whether anything changed.</returns>
    internal bool Delete(IReadOnlyList<NetworkPolicy> policies)
    {
        var delete = new Statement(transaction, $"DELETE FROM policies WHERE {Key} RETURNING id", "source", "destination", "protocol", "start", "end");
        foreach (NetworkPolicy policy in policies)
        {
            if (tags.Find(policy.Source) is { } source && tags.Find(policy.Destination) is { } destination
                && delete.Number(source, destination, policy.Protocol, policy.StartPort, policy.EndPort) is { } id)
                _removed.Add(new StoredPolicy(id, policy, source, destination));
        }

        foreach (int tag in _removed.SelectMany(each => (int[])[each.SourceTag, each.DestinationTag]).Distinct())
            tags.FreeUnused(tag);
        return _removed.Count > 0;
    }

    // Counted after the insertion, in the same transaction: two requests at once cannot both fill the last place.
    private void CheckQuota(int maximum)
    {
        var count = new Statement(transaction, "SELECT count(*) FROM policies WHERE source_id = @source", "source");
        foreach (int source in _added.Select(each => each.SourceTag).Distinct())
        {
            if (count.Number(source) > maximum)
                throw new RequestException(403, "policy quota exceeded");
        }
    }
}
