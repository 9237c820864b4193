using System.Data;
using System.Data.Common;
using Npgsql;

namespace Patchbay.Policy.Store;

/// <summary>A database in PostgreSQL: several servers at once may use it.</summary>
internal sealed class PostgresDatabase : Database
{
    private readonly NpgsqlDataSource _source;

    internal PostgresDatabase(string connectionString, string application, TimeProvider clock, TimeSpan timeout)
        : base(clock)
    {
        var builder = new NpgsqlSlimDataSourceBuilder(connectionString);
        builder.EnableTransportSecurity();
        builder.ConnectionStringBuilder.ApplicationName ??= application;
        builder.ConnectionStringBuilder.Timeout = builder.ConnectionStringBuilder.CommandTimeout = (int)timeout.TotalSeconds;
        _source = builder.Build();
        Description = $"PostgreSQL {builder.ConnectionStringBuilder.Host} {builder.ConnectionStringBuilder.Database}";
    }

    internal override string Description { get; }

    protected override string Identity => "BIGINT GENERATED ALWAYS AS IDENTITY";

    // Row locks make writers wait for one another at one row (policies_info), so ids, revisions and tags follow the order of the commits.
    internal override string ForUpdate => " FOR UPDATE";

    // A number for this purpose alone: the first bytes of "patchbay".
    protected override string MigrationLock => "SELECT pg_advisory_xact_lock(1885434979)";

    /// <inheritdoc/>
    public override void Dispose()
    {
        _source.Dispose();
        base.Dispose();
    }

    internal override DbConnection Open() => _source.OpenConnection();

    internal override DbTransaction BeginRead(DbConnection connection) => connection.BeginTransaction(IsolationLevel.RepeatableRead);
}
