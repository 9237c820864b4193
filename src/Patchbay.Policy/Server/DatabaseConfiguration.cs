using Npgsql;
using Patchbay.Policy.Store;

namespace Patchbay.Policy.Server;

/// <summary>Which database, and how to reach it.</summary>
internal sealed class DatabaseConfiguration
{
    /// <summary>sqlite or postgres.</summary>
    public string Type { get; set; } = "sqlite";

    /// <summary>The file of SQLite.</summary>
    public string Path { get; set; } = "/var/lib/patchbay/policy.db";

    /// <summary>Everything about PostgreSQL in one text, as Npgsql reads it; or the five keys below.</summary>
    public string? ConnectionString { get; set; }

    public string Host { get; set; } = "localhost";

    public int Port { get; set; } = 5432;

    public string User { get; set; } = "";

    public string Password { get; set; } = "";

    public string DatabaseName { get; set; } = "network_policy";

    /// <summary>Seconds that one call may take.</summary>
    public int Timeout { get; set; } = 10;

    /// <summary>Opens it.</summary>
    /// <param name="application">By what name PostgreSQL lists the connections.</param>
    /// <param name="clock">The time.</param>
    /// <exception cref="InvalidDataException">It cannot be; the text names the key.</exception>
    internal Database Open(string application, TimeProvider clock)
    {
        var timeout = TimeSpan.FromSeconds(Timeout is >= 1 and <= 600 ? Timeout : throw new InvalidDataException($"database.timeout is {Timeout}; it must be from 1 to 600 seconds"));
        switch (Type)
        {
            case "sqlite":
                string directory = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!;
                if (!Directory.Exists(directory))
                    throw new InvalidDataException($"database.path: {directory} is not there; make it, or name another file");
                return new SqliteDatabase(Path, clock, timeout);
            case "postgres":
                return new PostgresDatabase(PostgresConnectionString(), application, clock, timeout);
            default:
                throw new InvalidDataException($"database.type is \"{Type}\"; it must be sqlite or postgres");
        }
    }

    private string PostgresConnectionString()
    {
        try
        {
            return ConnectionString ?? new NpgsqlConnectionStringBuilder { Host = Host, Port = Port, Username = User, Password = Password, Database = DatabaseName }.ToString();
        }
        catch (ArgumentException e)
        {
            throw new InvalidDataException($"database: {e.Message}", e);
        }
    }
}
