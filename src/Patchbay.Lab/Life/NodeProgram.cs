using System.Runtime.InteropServices;
using Patchbay.Lab.Wiring;
using Patchbay.Netlink;

namespace Patchbay.Lab.Life;

/// <summary>Another program in place of this process, in the network of a node, as nsenter(1) does it: terminal, signals and exit status are its own.</summary>
internal static unsafe partial class NodeProgram
{
    private const int CLONE_NEWNET = 0x40000000;
    private const int SIG_SETMASK = 2;
    private const int SIGPIPE = 13;

    /// <summary>Returns only when the program cannot be run: 127 where there is none, as for a shell.</summary>
    public static int Become(string lab, NetworkNamespace place, IReadOnlyList<string> words)
    {
        // The thread that calls execve(2) is the one that goes on, with its namespace; all others end.
        if (setns(place.Handle, CLONE_NEWNET) < 0)
            throw new NetlinkException($"enter network namespace \"{place.Path}\"", (Errno)Marshal.GetLastPInvokeError());
        _ = setenv(NodeProcesses.Variable, lab, 1);
        _ = signal(SIGPIPE, 0); // .NET ignores it, and what is ignored stays so over execve(2)
        ulong nothing = 0;
        _ = sigprocmask(SIG_SETMASK, &nothing, null);
        var arguments = stackalloc byte*[words.Count + 1];
        for (var i = 0; i < words.Count; i++)
            arguments[i] = (byte*)Marshal.StringToCoTaskMemUTF8(words[i]);
        arguments[words.Count] = null;
        _ = execvp(arguments[0], arguments);
        Console.Error.WriteLine($"patchbay lab: {words[0]}: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");
        return 127;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setns(Microsoft.Win32.SafeHandles.SafeFileHandle fd, int type);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int setenv(string name, string value, int overwrite);

    [LibraryImport("libc")]
    private static partial nint signal(int number, nint handler);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int sigprocmask(int how, ulong* set, ulong* old);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int execvp(byte* file, byte** arguments);
}
