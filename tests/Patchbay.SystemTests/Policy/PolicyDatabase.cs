using System.Text.Json.Nodes;
using Patchbay.Policy.Store;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Policy;

/// <summary>One test's own database, of either kind.</summary>
internal sealed class PolicyDatabase : IDisposable
{
    public const string Sqlite = "sqlite";
    public const string Postgres = "postgres";

    private readonly string? _name;
    private readonly PostgresServer? _server;
    private readonly DirectoryInfo? _directory;

    private PolicyDatabase(PostgresServer? server, string? name, DirectoryInfo? directory)
    {
        _server = server;
        _name = name;
        _directory = directory;
    }

    public static PolicyDatabase Create(string kind)
    {
        if (kind == Sqlite)
            return new PolicyDatabase(null, null, Directory.CreateTempSubdirectory("pb-policy-"));
        return On(PostgresServer.Shared);
    }

    public static PolicyDatabase On(PostgresServer server) => new(server, server.CreateDatabase(), null);

    /// <summary>What a server's configuration says of it.</summary>
    /// <param name="directory">Where a file may be.</param>
    public JsonObject Configuration(string directory) => _server is null
        ? new JsonObject { ["type"] = Sqlite, ["path"] = Path.Combine(directory, "policy.db") }
        : new JsonObject { ["type"] = Postgres, ["connection_string"] = _server.ConnectionString(_name!) };

    /// <summary>A store on it; several may be open at once.</summary>
    public PolicyStore Open(int tagLength = 2) => new(OpenDatabase(TimeProvider.System), tagLength);

    /// <summary>The same for any store.</summary>
    public Database OpenDatabase(TimeProvider clock)
    {
        var timeout = TimeSpan.FromSeconds(30);
        return _server is null
            ? new SqliteDatabase(Path.Combine(_directory!.FullName, "policy.db"), clock, timeout)
            : new PostgresDatabase(_server.ConnectionString(_name!), "test", clock, timeout);
    }

    /// <summary>Asks it by its own client.</summary>
    public string Sql(string statement) => _server is null
        ? Command.Run(["sqlite3", Path.Combine(_directory!.FullName, "policy.db"), statement]).Check().StandardOutput
        : _server.Psql(_name!, statement);

    public void Dispose()
    {
        _server?.DropDatabase(_name!);
        _directory?.Delete(recursive: true);
    }
}
