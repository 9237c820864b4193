using System.Data.Common;
using System.Runtime.InteropServices;
using Microsoft.Data.Sqlite;

namespace Patchbay.Policy.Store;

/// <summary>A database in one file, by the system's SQLite: nothing to set up.</summary>
internal sealed class SqliteDatabase : Database
{
    private readonly string _connectionString;

    static SqliteDatabase()
    {
        // The package asks for "sqlite3", which only the development package provides under that name; this is the library's own.
        NativeLibrary.SetDllImportResolver(
            typeof(SQLitePCL.SQLite3Provider_sqlite3).Assembly, static (name, _, _) => name == "sqlite3" ? NativeLibrary.Load("libsqlite3.so.0") : 0);
        SQLitePCL.raw.SetProvider(new SQLitePCL.SQLite3Provider_sqlite3());
    }

    internal SqliteDatabase(string path, TimeProvider clock, TimeSpan timeout)
        : base(clock)
    {
        Path = System.IO.Path.GetFullPath(path);
        // Made here, and never by opening it: a file that is moved away while the server runs is an error, not a new database. Nor are
        // connections kept, which would go on writing to the file that is gone.
        if (!File.Exists(Path))
            File.Open(Path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite).Dispose();
        _connectionString = new SqliteConnectionStringBuilder
        {
            DataSource = Path,
            Mode = SqliteOpenMode.ReadWrite,
            Pooling = false,
            DefaultTimeout = (int)timeout.TotalSeconds,
            ForeignKeys = true,
        }.ToString();
    }

    internal override string Description => $"SQLite {Path}";

    private string Path { get; }

    // With PRIMARY KEY behind it, an alias of the row number, which is above all others.
    protected override string Identity => "INTEGER";

    // A writer holds the whole file.
    internal override string ForUpdate => "";

    protected override string MigrationLock => "";

    internal override DbConnection Open()
    {
        var connection = new SqliteConnection(_connectionString);
        try
        {
            connection.Open();
            using SqliteCommand settings = connection.CreateCommand();
            // With a write-ahead log, reading and writing do not wait for one another. FULL: a commit that was answered survives a power loss
            // (https://www.sqlite.org/pragma.html#pragma_synchronous).
            settings.CommandText = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL";
            settings.ExecuteNonQuery();
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    internal override DbTransaction BeginRead(DbConnection connection) => ((SqliteConnection)connection).BeginTransaction(deferred: true);

    // BEGIN IMMEDIATE: waits for another writer now, where nothing has been read yet that the other may change.
    internal override DbTransaction BeginWrite(DbConnection connection) => ((SqliteConnection)connection).BeginTransaction(deferred: false);
}
