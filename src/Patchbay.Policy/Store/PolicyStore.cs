using System.Data.Common;
using Patchbay.Policy.Model;

namespace Patchbay.Policy.Store;

/// <summary>Policies, tags and security groups in a database, which is disposed with it.</summary>
/// <remarks>Every call is one transaction on a connection of its own, and fails with a <see cref="DbException"/> when the database does.</remarks>
internal sealed class PolicyStore(Database database, int tagLength) : IDisposable
{
    /// <summary>Bytes of a tag.</summary>
    internal int TagLength { get; } = tagLength;

    /// <summary>What it is, for people.</summary>
    internal string Description => database.Description;

    public void Dispose() => database.Dispose();

    /// <summary>Brings the schema up to date.</summary>
    /// <returns>The names of the steps that were missing.</returns>
    internal IReadOnlyList<string> Migrate() => database.Migrate(Migrations.Steps);

    /// <summary>The numbers of the newest states: enough to know whether anything changed.</summary>
    internal (long Policies, long SecurityGroups) Revisions()
    {
        using DbConnection connection = database.Open();
        using DbCommand query = connection.CreateCommand();
        query.CommandText = "SELECT revision, security_groups_revision FROM policies_info WHERE id = 1";
        using DbDataReader row = query.ExecuteReader();
        return row.Read() ? (row.GetInt64(0), row.GetInt64(1)) : throw new InvalidDataException($"{Description}: policies_info has no row");
    }

    /// <summary>Every policy.</summary>
    internal PolicySnapshot ReadPolicies()
    {
        using DbConnection connection = database.Open();
        using DbTransaction transaction = database.BeginRead(connection);
        (long revision, long lastUpdated) = ReadInfo(transaction, "revision, last_updated");
        var policies = new List<StoredPolicy>();
        using DbCommand query = new Statement(transaction, """
            SELECT p.id, s.guid, d.guid, p.protocol, p.start_port, p.end_port, s.id, d.id
            FROM policies p JOIN groups s ON s.id = p.source_id JOIN groups d ON d.id = p.destination_id ORDER BY p.id
            """).Command;
        using DbDataReader row = query.ExecuteReader();
        // One object for each id, not one for each policy that names it.
        var ids = new Dictionary<string, string>();
        while (row.Read())
        {
            var policy = new NetworkPolicy(Shared(ids, row.GetString(1)), Shared(ids, row.GetString(2)), row.GetString(3) == "udp" ? "udp" : "tcp", row.GetInt32(4), row.GetInt32(5));
            policies.Add(new StoredPolicy(row.GetInt64(0), policy, row.GetInt32(6), row.GetInt32(7)));
        }

        return PolicySnapshot.Load(revision, lastUpdated, policies, TagLength);
    }

    /// <summary>Creates what is not there yet; of what it names, the lowest free tags are taken.</summary>
    /// <param name="policies">The policies.</param>
    /// <param name="maximumPerSource">How many one source may have, or null for any number.</param>
    /// <exception cref="RequestException">403: more than that.</exception>
    internal PolicyChange Create(IReadOnlyList<NetworkPolicy> policies, int? maximumPerSource) =>
        Write(transaction => transaction.Create(policies, maximumPerSource));

    /// <summary>Deletes those that are there, and frees the tags of what no policy names any more.</summary>
    internal PolicyChange Delete(IReadOnlyList<NetworkPolicy> policies) => Write(transaction => transaction.Delete(policies));

    /// <summary>The tags in use, lowest first.</summary>
    internal IReadOnlyList<GroupTag> Tags()
    {
        using DbConnection connection = database.Open();
        using DbCommand query = connection.CreateCommand();
        query.CommandText = "SELECT id, guid, type FROM groups WHERE guid IS NOT NULL ORDER BY id";
        using DbDataReader row = query.ExecuteReader();
        var tags = new List<GroupTag>();
        while (row.Read())
            tags.Add(new GroupTag(row.GetString(1), row.GetInt32(0), row.GetString(2)));
        return tags;
    }

    /// <summary>The tag of a group, which gets one if it has none.</summary>
    /// <exception cref="InvalidDataException">It has one, of another type; or all tags are taken.</exception>
    internal GroupTag CreateTag(string id, string type)
    {
        using DbConnection connection = database.Open();
        using DbTransaction transaction = database.BeginWrite(connection);
        ReadInfo(transaction, "revision, last_updated", database.ForUpdate);
        int tag = new TagTable(transaction, TagLength).Take(id, type);
        transaction.Commit();
        return new GroupTag(id, tag, type);
    }

    /// <summary>The security groups, and the number of this state.</summary>
    internal SecurityGroupList ReadSecurityGroups()
    {
        using DbConnection connection = database.Open();
        using DbTransaction transaction = database.BeginRead(connection);
        (long revision, long updated) = ReadInfo(transaction, "security_groups_revision, security_groups_updated");
        return new SecurityGroupList(revision, updated, SecurityGroupTable.Read(transaction));
    }

    /// <summary>Makes these all that there are.</summary>
    /// <returns>Whether that changed anything.</returns>
    internal bool ReplaceSecurityGroups(IReadOnlyList<SecurityGroup> groups)
    {
        using DbConnection connection = database.Open();
        using DbTransaction transaction = database.BeginWrite(connection);
        (long revision, long updated) = ReadInfo(transaction, "security_groups_revision, security_groups_updated", database.ForUpdate);
        if (!SecurityGroupTable.Replace(transaction, groups))
            return false;
        new Statement(transaction, "UPDATE policies_info SET security_groups_revision = @revision, security_groups_updated = @now WHERE id = 1", "revision", "now")
            .Execute(revision + 1, Math.Max(database.Now(), updated + 1));
        transaction.Commit();
        return true;
    }

    private PolicyChange Write(Func<PolicyTransaction, bool> work)
    {
        using DbConnection connection = database.Open();
        using DbTransaction transaction = database.BeginWrite(connection);
        (long revision, long lastUpdated) = ReadInfo(transaction, "revision, last_updated", database.ForUpdate);
        var writer = new PolicyTransaction(transaction, new TagTable(transaction, TagLength));
        if (!work(writer))
            return new PolicyChange(revision, lastUpdated, [], []);
        // Later than before even where the clock was set back: who asks for what is newer must not miss it.
        lastUpdated = Math.Max(database.Now(), lastUpdated + 1);
        new Statement(transaction, "UPDATE policies_info SET revision = @revision, last_updated = @now WHERE id = 1", "revision", "now").Execute(revision + 1, lastUpdated);
        transaction.Commit();
        return new PolicyChange(revision + 1, lastUpdated, writer.Added, writer.Removed);
    }

    private static (long, long) ReadInfo(DbTransaction transaction, string columns, string suffix = "")
    {
        using DbCommand query = new Statement(transaction, $"SELECT {columns} FROM policies_info WHERE id = 1{suffix}").Command;
        using DbDataReader row = query.ExecuteReader();
        return row.Read() ? (row.GetInt64(0), row.GetInt64(1)) : throw new InvalidDataException("policies_info has no row");
    }

    private static string Shared(Dictionary<string, string> ids, string id) => ids.TryAdd(id, id) ? id : ids[id];
}
