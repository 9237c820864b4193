using System.Diagnostics;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Policy;

/// <summary>Debian's PostgreSQL server on a directory of its own, as user postgres, reached by a Unix socket in that directory alone.</summary>
internal sealed class PostgresServer : IDisposable
{
    private static readonly Lazy<PostgresServer> SharedServer = new(() => new PostgresServer());

    private readonly string _programs;
    private readonly string _directory;
    private readonly string _data;
    private Process _process;
    private int _databases;

    public PostgresServer()
    {
        _programs = Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql").Select(each => Path.Combine(each, "bin")).LastOrDefault(each => File.Exists(Path.Combine(each, "initdb"))) ?? ""
            : "";
        Needs.Root();
        Assert.SkipUnless(_programs.Length > 0, "needs PostgreSQL's server (Debian's package postgresql)");
        _directory = Directory.CreateTempSubdirectory("pb-postgres-").FullName;
        _data = Path.Combine(_directory, "data");
        Command.Run(["chown", "postgres:", _directory]).Check();
        Command.Run([.. AsPostgres, Path.Combine(_programs, "initdb"), "-D", _data, "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"], directory: _directory).Check();
        _process = Run();
    }

    /// <summary>One for all tests that leave it running; the end of the suite ends it.</summary>
    public static PostgresServer Shared => SharedServer.Value;

    private static string[] AsPostgres => ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"];

    /// <summary>Ends the shared server if there is one.</summary>
    public static void DisposeShared()
    {
        if (SharedServer.IsValueCreated)
            Shared.Dispose();
    }

    public string ConnectionString(string database) => $"Host={_directory};Username=postgres;Database={database};Timeout=5";

    public string CreateDatabase()
    {
        string name = $"policy{Interlocked.Increment(ref _databases)}";
        Psql("postgres", $"CREATE DATABASE {name}");
        return name;
    }

    public void DropDatabase(string name) => Psql("postgres", $"DROP DATABASE IF EXISTS {name} WITH (FORCE)");

    /// <summary>Asks it by its own client.</summary>
    public string Psql(string database, string statement) =>
        Command.Run(["psql", "-h", _directory, "-U", "postgres", "-At", "-v", "ON_ERROR_STOP=1", "-c", statement, database], directory: "/").Check().StandardOutput.Trim();

    /// <summary>Ends it at once, as a crash does; what it had confirmed is there after <see cref="Restart"/>.</summary>
    public void Crash() => End("-QUIT");

    public void Restart() => _process = Run();

    public void Dispose()
    {
        if (!_process.HasExited)
            End("-INT");
        _process.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private Process Run()
    {
        // Without fsync: what is tested here is a crash of the server, not of the machine.
        Process process = Command.Start(
            [.. AsPostgres, Path.Combine(_programs, "postgres"), "-D", _data, "-k", _directory, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=200"],
            directory: _directory);
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        var ready = new TaskCompletionSource();
        process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is null)
                ready.TrySetException(new InvalidOperationException("PostgreSQL ended before it was ready"));
            else if (line.Data.Contains("database system is ready to accept connections", StringComparison.Ordinal))
                ready.TrySetResult();
        };
        process.BeginErrorReadLine();
        ready.Task.WaitAsync(Command.DefaultLimit).GetAwaiter().GetResult();
        return process;
    }

    private void End(string signal)
    {
        Command.Run(["kill", signal, $"{_process.Id}"]).Check();
        Assert.True(_process.WaitForExit(Command.DefaultLimit), "PostgreSQL does not end");
    }
}
