using System.Data;
using System.Data.Common;
using Patchbay.Policy.Model;

namespace Patchbay.Policy.Store;

/// <summary>Policies, tags and security groups in a database. The statements are the same for every kind of it; what differs, a subclass says.</summary>
/// <remarks>Every call is one transaction on a connection of its own, and fails with a <see cref="DbException"/> when the database does.</remarks>
internal abstract class PolicyStore(int tagLength, TimeProvider clock) : IDisposable
{
    /// <summary>Bytes of a tag.</summary>
    internal int TagLength { get; } = tagLength;

    /// <summary>What it is, for people.</summary>
    internal abstract string Description { get; }

    /// <summary>The type of a column that counts up by itself.</summary>
    protected abstract string Identity { get; }

    /// <summary>Ends a query whose rows nobody else may change before the transaction's end.</summary>
    protected abstract string ForUpdate { get; }

    /// <summary>A statement that lets one migrator at a time pass, until its transaction's end; empty where transactions do so by themselves.</summary>
    protected abstract string MigrationLock { get; }

    /// <inheritdoc/>
    public virtual void Dispose() => GC.SuppressFinalize(this);

    /// <summary>Brings the schema up to date. Of several servers that start at once, one does it and the others wait.</summary>
    /// <returns>The names of the steps that were missing.</returns>
    internal IReadOnlyList<string> Migrate()
    {
        using DbConnection connection = Open();
        using DbTransaction transaction = BeginWrite(connection);
        if (MigrationLock.Length > 0)
            Run(transaction, MigrationLock);
        Run(transaction, "CREATE TABLE IF NOT EXISTS patchbay_migrations (name TEXT PRIMARY KEY, applied BIGINT NOT NULL)");
        var applied = new HashSet<string>();
        using (DbCommand query = new Statement(transaction, "SELECT name FROM patchbay_migrations").Command)
        using (DbDataReader row = query.ExecuteReader())
        {
            while (row.Read())
                applied.Add(row.GetString(0));
        }

        string[] known = [.. Migrations.Steps.Select(each => each.Name)];
        if (applied.FirstOrDefault(each => !known.Contains(each)) is { } newer)
            throw new InvalidDataException($"{Description} has the migration \"{newer}\", which this version does not know: a newer server made it");
        var done = new List<string>();
        foreach ((string name, string statements) in Migrations.Steps.Where(each => !applied.Contains(each.Name)))
        {
            string now = Now().ToString(System.Globalization.CultureInfo.InvariantCulture);
            Run(transaction, statements.Replace("{identity}", Identity, StringComparison.Ordinal).Replace("{now}", now, StringComparison.Ordinal));
            new Statement(transaction, "INSERT INTO patchbay_migrations VALUES (@name, @now)", "name", "now").Execute(name, Now());
            done.Add(name);
        }

        transaction.Commit();
        return done;
    }

    /// <summary>The numbers of the newest states: enough to know whether anything changed.</summary>
    internal (long Policies, long SecurityGroups) Revisions()
    {
        using DbConnection connection = Open();
        using DbCommand query = connection.CreateCommand();
        query.CommandText = "SELECT revision, security_groups_revision FROM policies_info WHERE id = 1";
        using DbDataReader row = query.ExecuteReader();
        return row.Read() ? (row.GetInt64(0), row.GetInt64(1)) : throw new InvalidDataException($"{Description}: policies_info has no row");
    }

    /// <summary>Every policy.</summary>
    internal PolicySnapshot ReadPolicies()
    {
        using DbConnection connection = Open();
        using DbTransaction transaction = BeginRead(connection);
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
        using DbConnection connection = Open();
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
        using DbConnection connection = Open();
        using DbTransaction transaction = BeginWrite(connection);
        ReadInfo(transaction, "revision, last_updated", ForUpdate);
        int tag = new TagTable(transaction, TagLength).Take(id, type);
        transaction.Commit();
        return new GroupTag(id, tag, type);
    }

    /// <summary>The security groups, and the number of this state.</summary>
    internal SecurityGroupList ReadSecurityGroups()
    {
        using DbConnection connection = Open();
        using DbTransaction transaction = BeginRead(connection);
        (long revision, long updated) = ReadInfo(transaction, "security_groups_revision, security_groups_updated");
        return new SecurityGroupList(revision, updated, SecurityGroupTable.Read(transaction));
    }

    /// <summary>Makes these all that there are.</summary>
    /// <returns>Whether that changed anything.</returns>
    internal bool ReplaceSecurityGroups(IReadOnlyList<SecurityGroup> groups)
    {
        using DbConnection connection = Open();
        using DbTransaction transaction = BeginWrite(connection);
        (long revision, long updated) = ReadInfo(transaction, "security_groups_revision, security_groups_updated", ForUpdate);
        if (!SecurityGroupTable.Replace(transaction, groups))
            return false;
        new Statement(transaction, "UPDATE policies_info SET security_groups_revision = @revision, security_groups_updated = @now WHERE id = 1", "revision", "now")
            .Execute(revision + 1, Math.Max(Now(), updated + 1));
        transaction.Commit();
        return true;
    }

    protected abstract DbConnection Open();

    /// <summary>A transaction whose queries all see one state.</summary>
    protected abstract DbTransaction BeginRead(DbConnection connection);

    protected virtual DbTransaction BeginWrite(DbConnection connection) => connection.BeginTransaction(IsolationLevel.ReadCommitted);

    private PolicyChange Write(Func<PolicyTransaction, bool> work)
    {
        using DbConnection connection = Open();
        using DbTransaction transaction = BeginWrite(connection);
        (long revision, long lastUpdated) = ReadInfo(transaction, "revision, last_updated", ForUpdate);
        var writer = new PolicyTransaction(transaction, new TagTable(transaction, TagLength));
        if (!work(writer))
            return new PolicyChange(revision, lastUpdated, [], []);
        // Later than before even where the clock was set back: who asks for what is newer must not miss it.
        lastUpdated = Math.Max(Now(), lastUpdated + 1);
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

    private static void Run(DbTransaction transaction, string statements)
    {
        using DbCommand command = new Statement(transaction, statements).Command;
        command.ExecuteNonQuery();
    }

    private static string Shared(Dictionary<string, string> ids, string id) => ids.TryAdd(id, id) ? id : ids[id];

    private long Now() => (clock.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;
}
