using System.Buffers;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Patchbay.Cni.Interop;
using Patchbay.Cni.Model;

namespace Patchbay.Cni.Plugin;

/// <summary>Runs a program to its end: arguments as a list, input given, both outputs collected.</summary>
/// <remarks>
/// posix_spawn(3) rather than <see cref="Process"/>: no shell, no thread, no signal handler, and start-up is what a plugin's time is made of.
/// </remarks>
public static unsafe class ChildProcess
{
    private const int MaxOutputBytes = 64 << 20;
    private const int BusyMilliseconds = 5000, BusyFirstPause = 1, BusyLongestPause = 50;

    /// <summary>Runs a program.</summary>
    /// <param name="file">Its path; without a slash it is looked up in PATH.</param>
    /// <param name="arguments">The arguments after the name.</param>
    /// <param name="input">Its standard input.</param>
    /// <param name="variables">Its environment; null for ours.</param>
    /// <param name="limit">How long it may run; null for ever.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <returns>How it ended and what it printed.</returns>
    /// <exception cref="TimeoutException">It ran longer than the limit, and was killed; or it could not be started before, since somebody is still writing it.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled, and the program killed.</exception>
    /// <exception cref="CniException">Code 999: it could not be started. Code 5: a pipe failed, or it printed more than 64 MiB.</exception>
    public static ChildResult Run(
        string file,
        IReadOnlyList<string> arguments,
        ReadOnlyMemory<byte> input = default,
        IEnumerable<KeyValuePair<string, string>>? variables = null,
        TimeSpan? limit = null,
        CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(file);
        ArgumentNullException.ThrowIfNull(arguments);
        using Deadline deadline = new(limit, cancellation);
        deadline.Check();

        // Input is a file in memory: it needs no one to feed it, so nothing can block or break while the outputs are drained.
        using SafeFileHandle stdin = InputFile(input.Span);
        (SafeFileHandle outRead, SafeFileHandle outWrite) = Pipe();
        using SafeFileHandle outReadOwner = outRead, outWriteOwner = outWrite;
        (SafeFileHandle errRead, SafeFileHandle errWrite) = Pipe();
        using SafeFileHandle errReadOwner = errRead, errWriteOwner = errWrite;

        int pid = Start(file, [file, .. arguments], Block(variables ?? PluginEnvironment.ProcessVariables()), [stdin, outWrite, errWrite], deadline);
        outWrite.Dispose();
        errWrite.Dispose();

        ArrayBufferWriter<byte> output = new(), error = new();
        bool ended = false;
        try
        {
            Drain(outRead, output, errRead, error, deadline);
            int status = Wait(pid, deadline);
            ended = true;
            return new ChildResult(status, output.WrittenMemory, error.WrittenMemory);
        }
        finally
        {
            if (!ended)
            {
                _ = Libc.kill(deadline.CanEnd ? -pid : pid, Libc.SIGKILL);
                int status;
                while (Libc.waitpid(pid, &status, 0) < 0 && Marshal.GetLastPInvokeError() == Libc.EINTR)
                {
                }
            }
        }
    }

    private static int Start(string file, List<string> arguments, List<string> environment, ReadOnlySpan<SafeFileHandle> streams, Deadline deadline)
    {
        // Opaque types of at most 336 bytes in glibc and musl.
        ulong* actions = stackalloc ulong[64];
        ulong* attributes = stackalloc ulong[64];
        ulong* signals = stackalloc ulong[16]; // sigset_t
        new Span<ulong>(signals, 16).Clear();
        signals[0] = 1UL << (Libc.SIGPIPE - 1); // the runtime ignores SIGPIPE, and ignoring is inherited

        byte** argv = Pack(arguments), envp = Pack(environment);
        _ = Libc.posix_spawn_file_actions_init(actions);
        _ = Libc.posix_spawnattr_init(attributes);
        try
        {
            for (int target = 0; target < streams.Length; target++)
                Check(Libc.posix_spawn_file_actions_adddup2(actions, (int)streams[target].DangerousGetHandle(), target), file);
            short flags = (short)(Libc.POSIX_SPAWN_SETSIGDEF | (deadline.CanEnd ? Libc.POSIX_SPAWN_SETPGROUP : 0));
            Check(Libc.posix_spawnattr_setflags(attributes, flags), file);
            Check(Libc.posix_spawnattr_setsigdefault(attributes, signals), file);

            long patience = Environment.TickCount64 + BusyMilliseconds;
            for (int pause = BusyFirstPause; ; pause = Math.Min(2 * pause, BusyLongestPause))
            {
                int pid;
                int error = Libc.posix_spawnp(&pid, argv[0], actions, attributes, argv, envp);
                if (error == 0)
                    return pid;

                // "Text file busy": somebody is still writing the program, as installers of plugins do.
                if (error != Libc.ETXTBSY || Environment.TickCount64 >= patience)
                    Check(error, file);
                deadline.Sleep(pause);
            }
        }
        finally
        {
            _ = Libc.posix_spawn_file_actions_destroy(actions);
            _ = Libc.posix_spawnattr_destroy(attributes);
            NativeMemory.Free(argv);
            NativeMemory.Free(envp);
        }
    }

    private static void Drain(SafeFileHandle outRead, ArrayBufferWriter<byte> output, SafeFileHandle errRead, ArrayBufferWriter<byte> error, Deadline deadline)
    {
        Span<Libc.PollFd> fds =
        [
            new() { Fd = (int)outRead.DangerousGetHandle(), Events = Libc.POLLIN },
            new() { Fd = (int)errRead.DangerousGetHandle(), Events = Libc.POLLIN },
            deadline.Waker,
        ];
        while (fds[0].Fd >= 0 || fds[1].Fd >= 0)
        {
            deadline.Poll(fds);
            if (fds[0].Returned != 0 && !Read(outRead, output))
                fds[0].Fd = -1; // poll(2) skips it
            if (fds[1].Returned != 0 && !Read(errRead, error))
                fds[1].Fd = -1;
        }
    }

    private static int Wait(int pid, Deadline deadline)
    {
        // A program that closed its outputs may still stay. Its end can be polled for together with the rest: pidfd_open(2).
        using SafeFileHandle? end = deadline.CanEnd ? Libc.OpenProcess(pid) : null;
        Span<Libc.PollFd> fds = [new() { Fd = end is null ? -1 : (int)end.DangerousGetHandle(), Events = Libc.POLLIN }, deadline.Waker];
        while (true)
        {
            int status;
            int got = Libc.waitpid(pid, &status, deadline.CanEnd ? Libc.WNOHANG : 0);
            if (got == pid)
                return status;
            int error = Marshal.GetLastPInvokeError();
            if (got < 0 && error == Libc.ECHILD)
                throw new CniException(CniError.IoFailure, "the exit status of a program is lost: this process was started with SIGCHLD ignored");
            if (got < 0 && error != Libc.EINTR)
                throw IoError("wait for the end of a program");
            if (got == 0 && end is { IsInvalid: true })
                deadline.Sleep(2); // Linux before 5.3
            else if (got == 0)
                deadline.Poll(fds);
        }
    }

    private static bool Read(SafeFileHandle from, ArrayBufferWriter<byte> to)
    {
        Span<byte> room = to.GetSpan(4096);
        nint count;
        fixed (byte* start = room)
            count = Libc.read(from, start, (nuint)room.Length);
        if (count < 0)
            return Marshal.GetLastPInvokeError() == Libc.EINTR ? true : throw IoError("read output");
        to.Advance((int)count);
        if (to.WrittenCount > MaxOutputBytes)
            throw new CniException(CniError.IoFailure, "a program printed more than 64 MiB and was killed");
        return count > 0;
    }

    private static SafeFileHandle InputFile(ReadOnlySpan<byte> bytes)
    {
        SafeFileHandle file = Libc.memfd_create("stdin", Libc.MFD_CLOEXEC);
        if (file.IsInvalid)
            throw IoError("create the standard input of a program");
        fixed (byte* start = bytes)
        {
            for (int done = 0; done < bytes.Length;)
            {
                nint count = Libc.write(file, start + done, (nuint)(bytes.Length - done));
                if (count < 0 && Marshal.GetLastPInvokeError() != Libc.EINTR)
                    throw IoError("fill the standard input of a program");
                done += (int)Math.Max(count, 0);
            }
        }

        _ = Libc.lseek(file, 0, 0);
        return file;
    }

    private static (SafeFileHandle Read, SafeFileHandle Write) Pipe()
    {
        int* ends = stackalloc int[2];
        if (Libc.pipe2(ends, Libc.O_CLOEXEC) != 0)
            throw IoError("create a pipe");
        return (new SafeFileHandle(ends[0], ownsHandle: true), new SafeFileHandle(ends[1], ownsHandle: true));
    }

    private static List<string> Block(IEnumerable<KeyValuePair<string, string>> variables)
    {
        List<string> block = [];
        foreach ((string name, string value) in variables)
            block.Add($"{name}={value}");
        return block;
    }

    // The table of pointers, its null, and the texts behind it, in one block of memory.
    private static byte** Pack(List<string> texts)
    {
        int table = (texts.Count + 1) * sizeof(byte*), size = table;
        foreach (string text in texts)
            size += Encoding.UTF8.GetByteCount(text) + 1;
        byte* block = (byte*)NativeMemory.Alloc((nuint)size);
        byte* next = block + table;
        for (int i = 0; i < texts.Count; i++)
        {
            ((byte**)block)[i] = next;
            next += Encoding.UTF8.GetBytes(texts[i], new Span<byte>(next, (int)(block + size - next)));
            *next++ = 0;
        }

        ((byte**)block)[texts.Count] = null;
        return (byte**)block;
    }

    private static void Check(int error, string file)
    {
        if (error != 0)
            throw new CniException(CniError.Internal, $"cannot run \"{file}\": {Marshal.GetPInvokeErrorMessage(error)}");
    }

    private static CniException IoError(string operation) => new(CniError.IoFailure, $"cannot {operation}: {Marshal.GetLastPInvokeErrorMessage()}");
}
