using System.Globalization;
using System.Runtime.InteropServices;
using Patchbay.Cni.Model;

namespace Patchbay.Plugins.Tools.NetRun;

/// <summary>This file, executed in one of the parts that make up a run. <see cref="RunTool"/> tells them.</summary>
internal static unsafe class Role
{
    /// <summary>The name by which this executable is one of them.</summary>
    internal const string HelperName = "net-run";

    internal const string Front = "front";
    internal const string Guardian = "guardian";
    internal const string Cleaner = "cleaner";
    internal const string Worker = "worker";
    internal const string Pause = "pause";

    /// <summary>The descriptor on which the worker tells of each network that it begins with.</summary>
    internal const int ProgressDescriptor = 3;

    private const string Self = "/proc/self/exe";

    /// <summary>The command line of a role: who starts it is told by number, so that it can see whether that process still is its parent.</summary>
    /// <param name="role">The role.</param>
    /// <param name="run">The run.</param>
    /// <param name="group">The process group of the run.</param>
    /// <param name="rest">The tool's own command line.</param>
    internal static byte[][] Line(string role, RunIdentity run, int group, ReadOnlySpan<byte[]> rest) =>
    [
        ProcessText.Of(HelperName), ProcessText.Of(role), ProcessText.Of(run.Tool), ProcessText.Of(run.Id),
        ProcessText.Of(Number(Environment.ProcessId)), ProcessText.Of(Number(group)), .. rest,
    ];

    /// <summary>Takes the role in this process.</summary>
    internal static CniException Become(byte[][] line)
    {
        using ProcessText argv = ProcessText.Pack(line), file = ProcessText.Pack([ProcessText.Of(Self)]);
        _ = Libc.execv(file.Table[0], argv.Table);
        return new CniException(CniError.Internal, $"cannot execute {Self}: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    /// <summary>Starts the role in a child.</summary>
    /// <param name="line">Its command line.</param>
    /// <param name="group">Its process group; 0 for one of its own, null for ours.</param>
    /// <param name="given">A descriptor of ours, and the number that it is to have there.</param>
    /// <param name="plainSignals">Whether signals do to it what they do to any program; otherwise they are blocked as they are here.</param>
    /// <returns>Its process id.</returns>
    internal static int Start(byte[][] line, int? group, (int Ours, int There)? given, bool plainSignals) =>
        Spawn(ProcessText.Of(Self), line, group, given, plainSignals);

    /// <summary>Starts any program, its standard streams ours unless another one is given.</summary>
    internal static int Spawn(byte[] file, byte[][] line, int? group, (int Ours, int There)? given, bool plainSignals)
    {
        // Opaque types of at most 336 bytes in glibc and musl; sigset_t has 128.
        ulong* actions = stackalloc ulong[64];
        ulong* attributes = stackalloc ulong[64];
        ulong* none = stackalloc ulong[16];
        ulong* pipe = stackalloc ulong[16];
        new Span<ulong>(none, 16).Clear();
        new Span<ulong>(pipe, 16).Clear();
        pipe[0] = 1UL << (Libc.SIGPIPE - 1); // the runtime ignores it, and ignoring is inherited

        using ProcessText argv = ProcessText.Pack(line), envp = ProcessText.Pack(ProcessText.Variables()), path = ProcessText.Pack([file]);
        _ = Libc.posix_spawn_file_actions_init(actions);
        _ = Libc.posix_spawnattr_init(attributes);
        try
        {
            if (given is { } descriptor)
                _ = Libc.posix_spawn_file_actions_adddup2(actions, descriptor.Ours, descriptor.There);
            _ = Libc.posix_spawnattr_setpgroup(attributes, group ?? 0);
            _ = Libc.posix_spawnattr_setsigmask(attributes, none);
            _ = Libc.posix_spawnattr_setsigdefault(attributes, pipe);
            int flags = Libc.POSIX_SPAWN_SETSIGDEF | (group is null ? 0 : Libc.POSIX_SPAWN_SETPGROUP) | (plainSignals ? Libc.POSIX_SPAWN_SETSIGMASK : 0);
            _ = Libc.posix_spawnattr_setflags(attributes, (short)flags);
            int pid;
            int error = Libc.posix_spawnp(&pid, path.Table[0], actions, attributes, argv.Table, envp.Table);
            return error == 0 ? pid : throw new CniException(CniError.Internal, $"cannot start a process: {Marshal.GetPInvokeErrorMessage(error)}");
        }
        finally
        {
            _ = Libc.posix_spawn_file_actions_destroy(actions);
            _ = Libc.posix_spawnattr_destroy(attributes);
        }
    }

    /// <summary>The exit status by which a shell tells how a program ended: 128 and the signal, if one ended it.</summary>
    internal static int ExitStatus(int status) => (status & 0x7f) == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f);

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
