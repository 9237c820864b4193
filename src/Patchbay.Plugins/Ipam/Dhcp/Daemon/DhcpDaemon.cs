using System.Globalization;
using System.Runtime.InteropServices;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Plugins.Ipam.Dhcp.Leases;

namespace Patchbay.Plugins.Ipam.Dhcp.Daemon;

/// <summary><c>dhcp daemon</c>: starts, serves until a signal, and leaves the leases on disk for the next one. docs/dhcp.md.</summary>
internal static class DhcpDaemon
{
    private const int LockPatience = 100; // times 20 ms: a plugin that cleans up in the daemon's absence takes no longer

    /// <summary>Runs the daemon.</summary>
    /// <param name="arguments">The command line after <c>daemon</c>.</param>
    /// <param name="environment">Variables and streams.</param>
    /// <returns>The exit status.</returns>
    internal static int Run(ReadOnlySpan<string> arguments, PluginEnvironment environment)
    {
        try
        {
            var options = DaemonOptions.Parse(arguments);
            if (options.Help)
                PluginHost.Note(environment, DaemonOptions.Usage);
            else
                Serve(options, environment);
            return 0;
        }
        catch (ArgumentException error)
        {
            PluginHost.Note(environment, $"dhcp: {error.Message}");
            return 2;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or CniException)
        {
            PluginHost.Note(environment, $"dhcp: {error.Message}");
            return 1;
        }
    }

    private static void Serve(DaemonOptions options, PluginEnvironment environment)
    {
        // Plugins on the host look for socket and leases by the host's paths.
        var socketPath = options.HostPrefix + options.SocketPath;
        bool passed = DaemonSocket.IsPassed(environment);
        if (!passed)
            DaemonSocket.RequireFree(socketPath);
        using var store = OpenStore(options.StateDirectory ?? LeaseStore.DirectoryOf(socketPath));
        using var socket = passed ? DaemonSocket.Passed() : DaemonSocket.Listen(socketPath);
        using var wake = new WakeUp();
        using var term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, wake.Signal);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, wake.Signal);
        var context = new DaemonContext
        {
            Timing = options.Timing,
            HostPrefix = options.HostPrefix,
            Store = store,
            Log = text => PluginHost.Note(environment, $"dhcp: {text}"),
        };
        try
        {
            if (options.PidFile is not null)
                File.WriteAllText(options.PidFile, Environment.ProcessId.ToString(CultureInfo.InvariantCulture) + "\n");
            using var server = new LeaseServer(context, socket);
            server.Load();
            context.Log($"serving on {(passed ? "the socket of systemd" : socketPath)}, leases in {store.Path}");
            server.Run(wake.Handle);
            context.Log("ending; leases stay on disk");
        }
        finally
        {
            if (options.PidFile is not null)
                File.Delete(options.PidFile);
        }
    }

    private static LeaseStore OpenStore(string directory)
    {
        for (int i = 0; ; i++)
        {
            if (LeaseStore.TryOpen(directory) is { } store)
                return store;
            if (i == LockPatience)
                throw new IOException($"another daemon keeps its leases in {directory}: end it, or choose another -statedir");
            _ = Libc.Poll([], 20);
        }
    }
}
