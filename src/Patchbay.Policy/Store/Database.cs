using System.Data;
using System.Data.Common;

namespace Patchbay.Policy.Store;

/// <summary>A database, reached by one connection for each transaction. Statements are the same for every kind of it; what differs, a subclass says.</summary>
internal abstract class Database(TimeProvider clock) : IDisposable
{
    /// <summary>What it is, for people.</summary>
    internal abstract string Description { get; }

    /// <summary>Ends a query whose rows nobody else may change before the transaction's end.</summary>
    internal abstract string ForUpdate { get; }

    /// <summary>The type of a column that counts up by itself.</summary>
    protected abstract string Identity { get; }

    /// <summary>A statement that lets one migrator at a time pass, until its transaction's end; empty where transactions do so by themselves.</summary>
    protected abstract string MigrationLock { get; }

    /// <inheritdoc/>
    public virtual void Dispose() => GC.SuppressFinalize(this);

    internal abstract DbConnection Open();

    /// <summary>A transaction whose queries all see one state.</summary>
    internal abstract DbTransaction BeginRead(DbConnection connection);

    internal virtual DbTransaction BeginWrite(DbConnection connection) => connection.BeginTransaction(IsolationLevel.ReadCommitted);

    /// <summary>Brings the schema up to date. Of several servers that start at once, one does it and the others wait.</summary>
    /// <param name="steps">The steps that lead to it, oldest first; <c>{identity}</c> stands for the database's own word for a column that counts up, <c>{now}</c> for the time.</param>
    /// <returns>The names of the steps that were missing.</returns>
    /// <exception cref="InvalidDataException">It has steps that are not among these.</exception>
    internal IReadOnlyList<string> Migrate((string Name, string Statements)[] steps)
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

        string[] known = [.. steps.Select(each => each.Name)];
        if (applied.FirstOrDefault(each => !known.Contains(each)) is { } newer)
            throw new InvalidDataException($"{Description} has the migration \"{newer}\", which this version does not know: a newer server made it, or one of another purpose");
        var done = new List<string>();
        foreach ((string name, string statements) in steps.Where(each => !applied.Contains(each.Name)))
        {
            string now = Now().ToString(System.Globalization.CultureInfo.InvariantCulture);
            Run(transaction, statements.Replace("{identity}", Identity, StringComparison.Ordinal).Replace("{now}", now, StringComparison.Ordinal));
            new Statement(transaction, "INSERT INTO patchbay_migrations VALUES (@name, @now)", "name", "now").Execute(name, Now());
            done.Add(name);
        }

        transaction.Commit();
        return done;
    }

    /// <summary>Nanoseconds since 1970.</summary>
    internal long Now() => (clock.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * TimeSpan.NanosecondsPerTick;

    private static void Run(DbTransaction transaction, string statements)
    {
        using DbCommand command = new Statement(transaction, statements).Command;
        command.ExecuteNonQuery();
    }
}
