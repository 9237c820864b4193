using System.Data;
using System.Data.Common;
using Npgsql;

namespace Patchbay.Policy.Store;

/// <summary>The store in PostgreSQL: several servers at once may use it.</summary>
internal sealed class PostgresStore : PolicyStore
{
    private readonly NpgsqlDataSource _source;

    internal PostgresStore(string connectionString, int tagLength, TimeProvider clock, TimeSpan timeout)
        : base(tagLength, clock)
    {
        var builder = new NpgsqlSlimDataSourceBuilder(connectionString);
        builder.EnableTransportSecurity();
        builder.ConnectionStringBuilder.ApplicationName ??= "patchbay policy server";
        builder.ConnectionStringBuilder.Timeout = builder.ConnectionStringBuilder.CommandTimeout = (int)timeout.TotalSeconds;
        _source = builder.Build();
        Description = $"PostgreSQL {builder.ConnectionStringBuilder.Host} {builder.ConnectionStringBuilder.Database}";
    }

    internal override string Description { get; }

    protected override string Identity => "BIGINT GENERATED ALWAYS AS IDENTITY";

    // Row locks make writers wait for one another at policies_info, so ids, revisions and tags follow the order of the commits.
    protected override string ForUpdate => " FOR UPDATE";

    // A number for this purpose alone: the first bytes of "patchbay".
    protected override string MigrationLock => "SELECT pg_advisory_xact_lock(1885434979)";

    /// <inheritdoc/>
    public override void Dispose()
    {
        _source.Dispose();
        base.Dispose();
    }

    protected override DbConnection Open() => _source.OpenConnection();

    protected override DbTransaction BeginRead(DbConnection connection) => connection.BeginTransaction(IsolationLevel.RepeatableRead);
}
