using System.Diagnostics;
using System.Runtime.InteropServices;
using Patchbay.Bench.Interop;

namespace Patchbay.Bench;

/// <summary>Runs a program and measures it as an engine would see it: from before the spawn to the return of wait4(2).</summary>
/// <remarks>
/// posix_spawn(3) shares the address space until exec, so the size of this process costs nothing; System.Diagnostics.Process would fork.
/// The child starts in the network namespace of the calling thread. Pipes are made and filled before the clock starts and read after it stops.
/// </remarks>
internal static unsafe class Spawn
{
    private const int PipeSize = 1 << 20;

    // glibc: posix_spawnattr_t 336 bytes, posix_spawn_file_actions_t 80, sigset_t 128.
    private const int ObjectSize = 512;

    internal static Outcome Run(Command command)
    {
        var (stdinRead, stdinWrite) = Pipe();
        var (stdoutRead, stdoutWrite) = Pipe();
        var (stderrRead, stderrWrite) = Pipe();
        Write(stdinWrite, command.Input);
        _ = Libc.close(stdinWrite);

        byte* actions = stackalloc byte[ObjectSize], attributes = stackalloc byte[ObjectSize], signals = stackalloc byte[ObjectSize];
        _ = Libc.posix_spawn_file_actions_init(actions);
        _ = Libc.posix_spawn_file_actions_adddup2(actions, stdinRead, 0);
        _ = Libc.posix_spawn_file_actions_adddup2(actions, stdoutWrite, 1);
        _ = Libc.posix_spawn_file_actions_adddup2(actions, stderrWrite, 2);

        // .NET ignores SIGPIPE and exec hands that down.
        _ = Libc.posix_spawnattr_init(attributes);
        _ = Libc.sigemptyset(signals);
        _ = Libc.sigaddset(signals, Libc.SIGPIPE);
        _ = Libc.posix_spawnattr_setsigdefault(attributes, signals);
        _ = Libc.posix_spawnattr_setflags(attributes, Libc.POSIX_SPAWN_SETSIGDEF);

        using var arguments = new Vector([command.File, .. command.Arguments]);
        using var environment = new Vector(command.Environment);
        int pid = 0, status = 0;
        Libc.ResourceUsage usage = default;

        var start = Stopwatch.GetTimestamp();
        var error = Libc.posix_spawn(&pid, arguments.Pointers[0], actions, attributes, arguments.Pointers, environment.Pointers);
        var waited = error == 0 ? Wait(pid, &status, &usage) : 0;
        var elapsed = Stopwatch.GetElapsedTime(start);

        _ = Libc.posix_spawn_file_actions_destroy(actions);
        _ = Libc.close(stdinRead);
        _ = Libc.close(stdoutWrite);
        _ = Libc.close(stderrWrite);
        var output = ReadAll(stdoutRead);
        var errors = ReadAll(stderrRead);
        if (error != 0)
            throw new BenchException($"start {command.File}: {Marshal.GetPInvokeErrorMessage(error)}");
        if (waited < 0)
            throw new BenchException($"wait for {command.File}: {Marshal.GetLastPInvokeErrorMessage()}");

        var signal = status & 0x7f;
        return new Outcome(signal == 0 ? (status >> 8) & 0xff : 128 + signal, elapsed.TotalMilliseconds, usage.CpuMilliseconds, output, errors);
    }

    /// <summary>Runs a program that has to succeed and returns what it printed.</summary>
    internal static byte[] Expect(Command command)
    {
        var outcome = Run(command);
        if (outcome.ExitCode != 0)
            throw new BenchException($"{Path.GetFileName(command.File)} {string.Join(' ', command.Arguments)}: {outcome.Message}");
        return outcome.Output;
    }

    /// <summary>Becomes another program; returns only by throwing.</summary>
    internal static void Become(string file, IReadOnlyList<string> arguments)
    {
        using var vector = new Vector([file, .. arguments]);
        _ = Libc.Check(Libc.execv(file, vector.Pointers), $"start {file}");
    }

    private static int Wait(int pid, int* status, Libc.ResourceUsage* usage)
    {
        const int EINTR = 4;
        int result;
        do
            result = Libc.wait4(pid, status, 0, usage);
        while (result < 0 && Marshal.GetLastPInvokeError() == EINTR);
        return result;
    }

    private static (int Read, int Write) Pipe()
    {
        var fds = stackalloc int[2];
        _ = Libc.Check(Libc.pipe2(fds, Libc.O_CLOEXEC), "make a pipe");
        // Nobody reads before the program has ended, so what it prints must fit.
        _ = Libc.fcntl(fds[1], Libc.F_SETPIPE_SZ, PipeSize);
        return (fds[0], fds[1]);
    }

    private static void Write(int fd, byte[] bytes)
    {
        if (bytes.Length == 0)
            return;
        fixed (byte* start = bytes)
        {
            if (Libc.write(fd, start, (nuint)bytes.Length) != bytes.Length)
                throw new BenchException($"{bytes.Length} bytes do not fit into the standard input of a program");
        }
    }

    private static byte[] ReadAll(int fd)
    {
        using var all = new MemoryStream();
        var buffer = new byte[16384];
        fixed (byte* start = buffer)
        {
            nint count;
            while ((count = Libc.read(fd, start, (nuint)buffer.Length)) > 0)
                all.Write(buffer, 0, (int)count);
        }
        _ = Libc.close(fd);
        return all.ToArray();
    }

    /// <summary>A null-terminated array of C strings.</summary>
    private sealed class Vector : IDisposable
    {
        private readonly int _count;

        internal Vector(IReadOnlyList<string> texts)
        {
            _count = texts.Count;
            Pointers = (byte**)NativeMemory.AllocZeroed((nuint)(_count + 1), (nuint)sizeof(byte*));
            for (var i = 0; i < _count; i++)
                Pointers[i] = (byte*)Marshal.StringToCoTaskMemUTF8(texts[i]);
        }

        internal byte** Pointers { get; }

        public void Dispose()
        {
            for (var i = 0; i < _count; i++)
                Marshal.FreeCoTaskMem((nint)Pointers[i]);
            NativeMemory.Free(Pointers);
        }
    }
}
