using System.Globalization;
using System.Runtime.InteropServices;
using Patchbay.Cni.Plugin;

namespace Patchbay.Plugins.Tools.NetRun;

/// <summary>The processes that come from the guardian: those whose parent ended become its children (PR_SET_CHILD_SUBREAPER of prctl(2)).</summary>
internal static unsafe class Descendants
{
    /// <summary>Collects those that have ended.</summary>
    /// <param name="awaited">The one that matters.</param>
    /// <returns>How that one ended, if it has.</returns>
    internal static int? Reap(int awaited)
    {
        int? found = null;
        while (true)
        {
            int status;
            int pid = Libc.waitpid(-1, &status, Libc.WNOHANG);
            if (pid <= 0)
                return found;
            if (pid == awaited)
                found = status;
        }
    }

    /// <summary>
    /// Ends those that are left: what is in the namespace, and what is in our session, as a plugin is whose worker was killed.
    /// A daemon that a plugin started for others too is neither.
    /// </summary>
    /// <param name="netns">Path of the namespace.</param>
    internal static void End(string netns)
    {
        FileIdentity? space = FileIdentity.Of(netns);
        int session = Libc.getsid(0);
        while (true)
        {
            int status;
            int pid;
            while ((pid = Libc.waitpid(-1, &status, Libc.WNOHANG)) > 0)
            {
            }

            if (pid < 0)
                return; // ECHILD: the usual end, for which /proc is not read

            List<int> doomed = Children(child => child.Session == session || (space is not null && FileIdentity.Of(Path(child.Pid, "ns/net")) == space));
            if (doomed.Count == 0)
                return;
            foreach (int each in doomed)
            {
                _ = Libc.kill(each, Libc.SIGKILL);
                while (Libc.waitpid(each, &status, 0) < 0 && Marshal.GetLastPInvokeError() == Libc.EINTR)
                {
                }
            }
        }
    }

    private static List<int> Children(Predicate<(int Pid, int Session)> wanted)
    {
        List<int> children = [];
        foreach (string directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(System.IO.Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out int pid))
                continue;
            try
            {
                // proc_pid_stat(5): behind the name, which may hold anything: state, parent, group, session.
                string stat = File.ReadAllText(Path(pid, "stat"));
                string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ', 5);
                if (int.Parse(fields[1], CultureInfo.InvariantCulture) == Environment.ProcessId && wanted((pid, int.Parse(fields[3], CultureInfo.InvariantCulture))))
                    children.Add(pid);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // It has ended meanwhile.
            }
        }

        return children;
    }

    private static string Path(int pid, string file) => string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/{file}");
}
