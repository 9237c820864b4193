using System.Runtime.InteropServices;
using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;

namespace Patchbay.Plugins.Tools.NetRun;

/// <summary>The part that joins the networks, and then becomes the command: the same process, so nothing stands between it and its signals.</summary>
internal static unsafe class Worker
{
    internal static int Run(RunIdentity run, int parent, ReadOnlySpan<string> arguments, PluginEnvironment environment)
    {
        // Whatever becomes of the guardian, the command does not outlive it: its network would not.
        _ = Libc.prctl(Libc.PR_SET_PDEATHSIG, Libc.SIGKILL, 0, 0, 0);
        if (Libc.getppid() != parent)
            return RunTool.OwnFailure;
        _ = Libc.fcntl(Role.ProgressDescriptor, Libc.F_SETFD, Libc.FD_CLOEXEC); // for plugins and command

        RunOptions options = RunOptions.Parse(arguments, run.IsDocker);
        NetworkPlan plan = NetworkPlan.Load(options.Networks, environment, run.Id, NamedNamespace.PathOf(run.Id));
        for (int i = 0; i < plan.Count; i++)
        {
            byte begun = 1;
            _ = Libc.write(Role.ProgressDescriptor, &begun, 1);
            plan.Add(i);
        }

        byte[][] rest = ProcessText.Arguments()[^(arguments.Length - options.CommandAt)..];
        byte[][] line = run.IsDocker ? DockerPlace.RunLine(run, rest) : rest;
        if (!run.IsDocker)
            CommandNamespace.Enter(NamedNamespace.PathOf(run.Id));
        return Execute(run, line, environment);
    }

    private static int Execute(RunIdentity run, byte[][] line, PluginEnvironment environment)
    {
        using ProcessText argv = ProcessText.Pack(line);
        _ = Libc.signal(Libc.SIGPIPE, Libc.SIG_DFL); // the runtime ignores it, and ignoring is inherited
        _ = Libc.execvp(argv.Table[0], argv.Table);
        int error = Marshal.GetLastPInvokeError();
        PluginHost.Note(environment, $"{run.Tool}: cannot run \"{Encoding.UTF8.GetString(line[0])}\": {Marshal.GetPInvokeErrorMessage(error)}");
        return error == Libc.ENOENT ? RunTool.NotFound : RunTool.NotExecutable;
    }
}
