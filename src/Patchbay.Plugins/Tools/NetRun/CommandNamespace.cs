using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Patchbay.Cni.Model;
using Patchbay.Netlink;

namespace Patchbay.Plugins.Tools.NetRun;

/// <summary>Takes the calling thread, which is about to become the command, into its network namespace, with mounts of its own.</summary>
/// <remarks>
/// /sys shows the devices of the namespace in which it was mounted (sysfs(5)), so the command needs another one, and that needs a mount namespace.
/// <c>ip netns exec</c> does the same, but takes away what is mounted below /sys (control groups, bpf); here it is put back.
/// </remarks>
internal static class CommandNamespace
{
    private const string Sys = "/sys";

    internal static unsafe void Enter(string path)
    {
        using NetworkNamespace netns = NetworkNamespace.Open(path);
        Check(Libc.setns(netns.Handle, Libc.CLONE_NEWNET), $"enter {path}");
        Check(Libc.unshare(Libc.CLONE_NEWNS), "make a mount namespace");

        // A slave still sees what is mounted and unmounted outside, the name of its own namespace among that.
        Check(Libc.mount("", "/", "none", Libc.MS_SLAVE | Libc.MS_REC, null), "make mounts private");
        (bool readOnly, List<string> below) = Below();
        List<(string Path, SafeFileHandle Handle)> kept = [];
        foreach (string each in below)
            if (Libc.openat(Libc.AT_FDCWD, each, Libc.O_PATH | Libc.O_CLOEXEC, 0) is >= 0 and var fd)
                kept.Add((each, new SafeFileHandle(fd, ownsHandle: true)));

        // Over the old one, not in its place: what is below could not be bound any more.
        nuint flags = Libc.MS_NOSUID | Libc.MS_NODEV | Libc.MS_NOEXEC | (readOnly ? Libc.MS_RDONLY : 0);
        Check(Libc.mount("sysfs", Sys, "sysfs", flags, null), $"mount {Sys}");
        foreach ((string mountPoint, SafeFileHandle handle) in kept)
        {
            // What this kernel has no place for any more is not missed.
            _ = Libc.mount(string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{handle.DangerousGetHandle()}"), mountPoint, "none", Libc.MS_BIND | Libc.MS_REC, null);
            handle.Dispose();
        }
    }

    // proc_pid_mountinfo(5): the fifth field is the mount point, the sixth its options. Those below another one come with it.
    private static (bool ReadOnly, List<string> Below) Below()
    {
        bool readOnly = false;
        List<string> below = [];
        foreach (string line in File.ReadLines("/proc/self/mountinfo"))
        {
            string[] fields = line.Split(' ');
            if (fields.Length < 6)
                continue;
            if (fields[4] == Sys)
                readOnly = fields[5].Split(',').Contains("ro");
            else if (fields[4].StartsWith(Sys + "/", StringComparison.Ordinal) && !below.Exists(each => fields[4] == each || fields[4].StartsWith(each + "/", StringComparison.Ordinal)))
                below.Add(fields[4]);
        }

        return (readOnly, below);
    }

    private static void Check(int result, string operation)
    {
        if (result < 0)
            throw new CniException(CniError.IoFailure, $"cannot {operation}: {Marshal.GetLastPInvokeErrorMessage()}");
    }
}
