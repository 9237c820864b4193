using Npgsql;

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

    internal string PostgresConnectionString()
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
