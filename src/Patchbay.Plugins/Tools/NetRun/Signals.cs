using System.Runtime.InteropServices;

namespace Patchbay.Plugins.Tools.NetRun;

/// <summary>Signals as events that a loop waits for, one at a time: no handler, no other thread.</summary>
/// <remarks>
/// They must be blocked in every thread, and the runtime has some before Main; so a process whose signals are blocked executes this file,
/// and the mask is inherited (signal(7)). What somebody wants ignored (nohup(1)) stays ignored, because no handler is ever set.
/// </remarks>
internal static unsafe class Signals
{
    /// <summary>Those that are handed on to the command.</summary>
    private static ReadOnlySpan<int> Relayed => [Libc.SIGHUP, Libc.SIGINT, Libc.SIGQUIT, Libc.SIGTERM, Libc.SIGUSR1, Libc.SIGUSR2];

    /// <summary>Blocks them in this thread and in all that it executes.</summary>
    internal static void Block()
    {
        ulong* set = stackalloc ulong[16];
        Fill(set);
        _ = Libc.sigprocmask(Libc.SIG_BLOCK, set, null);

        // Ignored by who started us, the end of a child would not be told.
        _ = Libc.signal(Libc.SIGCHLD, Libc.SIG_DFL);
    }

    /// <summary>Waits for the next one.</summary>
    /// <returns>The signal, and whether a process sent it: the terminal sends its own (Ctrl-C) to the command as well.</returns>
    internal static (int Signal, bool BySomebody) Wait()
    {
        ulong* set = stackalloc ulong[16];
        int* info = stackalloc int[32]; // siginfo_t: si_signo, si_errno, si_code
        Fill(set);
        int signal;
        do
            signal = Libc.sigwaitinfo(set, info);
        while (signal < 0 && Marshal.GetLastPInvokeError() == Libc.EINTR);
        return (signal, info[2] <= 0); // SI_USER and SI_QUEUE are not positive, SI_KERNEL is
    }

    private static void Fill(ulong* set)
    {
        new Span<ulong>(set, 16).Clear();
        set[0] = 1UL << (Libc.SIGCHLD - 1);
        foreach (int signal in Relayed)
            set[0] |= 1UL << (signal - 1);
    }
}
