using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;

namespace Patchbay.Plugins.Tools.NetRun;

/// <summary>The part that makes the namespace, starts the worker and cleans up when that has ended, however it did.</summary>
/// <remarks>
/// It outlives the tool: it is in a process group of its own, no signal but SIGKILL ends it, and the kernel tells it when the tool is gone.
/// There is one way to clean up, and all ends lead to it.
/// </remarks>
internal sealed class Guardian
{
    private readonly RunIdentity _run;
    private readonly int _front;
    private readonly int _group;
    private readonly PluginEnvironment _environment;
    private readonly Place _place;
    private bool _failed;

    private Guardian(RunIdentity run, int front, int group, PluginEnvironment environment, bool begun = false)
    {
        _run = run;
        _front = front;
        _group = group;
        _environment = environment;
        _place = Place.Of(run, begun);
    }

    /// <summary>Runs the command and cleans up.</summary>
    /// <param name="run">The run.</param>
    /// <param name="front">The process that the user sees.</param>
    /// <param name="group">Its process group.</param>
    /// <param name="arguments">The tool's command line.</param>
    /// <param name="environment">Variables and streams.</param>
    /// <returns>The exit status of the run.</returns>
    internal static int Run(RunIdentity run, int front, int group, ReadOnlySpan<string> arguments, PluginEnvironment environment)
    {
        _ = Libc.prctl(Libc.PR_SET_PDEATHSIG, Libc.SIGHUP, 0, 0, 0); // one of those that Signals.Wait returns
        _ = Libc.prctl(Libc.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
        if (Libc.getppid() != front)
            return RunTool.OwnFailure; // nothing is made yet
        AttachmentOptions options = RunOptions.Parse(arguments, run.IsDocker).Networks;
        NetworkPlan plan = NetworkPlan.Load(options, environment, run.Id, NamedNamespace.PathOf(run.Id));
        plan.RequirePlugins();
        using RunClaim? claim = RunClaim.Take(run.Id);
        Leftovers.Remove(run.Tool, options, environment);
        return new Guardian(run, front, group, environment).Run(plan, arguments.Length);
    }

    /// <summary>Cleans up after a guardian that was killed: as if all networks had been begun.</summary>
    internal static int Clean(RunIdentity run, ReadOnlySpan<string> arguments, PluginEnvironment environment)
    {
        using RunClaim? claim = RunClaim.Take(run.Id);
        NetworkPlan plan = NetworkPlan.LoadToDelete(RunOptions.Parse(arguments, run.IsDocker).Networks, environment, run.Id, NamedNamespace.PathOf(run.Id));
        return CleanUpAfter(run, plan, environment) ? 0 : RunTool.OwnFailure;
    }

    /// <summary>Cleans up after a run that nobody looks after any more.</summary>
    /// <returns>False when something is left, which has been told.</returns>
    internal static bool CleanUpAfter(RunIdentity run, NetworkPlan plan, PluginEnvironment environment)
    {
        Guardian guardian = new(run, Libc.getppid(), 0, environment, begun: true);
        guardian.CleanUp(plan, plan.Count);
        return !guardian._failed;
    }

    private int? Group => _group == 0 ? null : _group;

    private int Run(NetworkPlan plan, int argumentCount)
    {
        int status = RunTool.OwnFailure, begun = 0;
        Attempt(() =>
        {
            _place.Make();
            (SafeFileHandle read, SafeFileHandle write) = Pipe();
            using (read)
            {
                using (write)
                {
                    byte[][] line = Role.Line(Role.Worker, _run, _group, ProcessText.Arguments().AsSpan(^argumentCount..));
                    int worker = Role.Start(line, Group, ((int)write.DangerousGetHandle(), Role.ProgressDescriptor), plainSignals: true);
                    status = Role.ExitStatus(WaitFor(worker));
                }

                begun = Count(read);
            }

            if (Libc.getppid() == _front && _place.Remaining() is { } rest)
            {
                using SafeFileHandle nowhere = File.OpenHandle("/dev/null", FileMode.Open, FileAccess.Write);
                WaitFor(Role.Spawn(rest[0], rest, Group, ((int)nowhere.DangerousGetHandle(), 1), plainSignals: true));
            }
        });
        CleanUp(plan, begun);
        return _failed && status == 0 ? RunTool.OwnFailure : status;
    }

    private void CleanUp(NetworkPlan plan, int begun)
    {
        Attempt(_place.EndRemaining);
        Attempt(() => Descendants.End(NamedNamespace.PathOf(_run.Id)));
        foreach (CniException error in plan.Delete(begun))
            Report(error);
        Attempt(_place.Remove);
    }

    // Signals that come meanwhile are its; when the tool is gone, it is ended.
    private unsafe int WaitFor(int worker)
    {
        if (Libc.getppid() != _front)
            _ = Libc.kill(worker, Libc.SIGKILL);
        while (true)
        {
            (int signal, _) = Signals.Wait();
            if (Libc.getppid() != _front)
                _ = Libc.kill(worker, Libc.SIGKILL);
            else if (signal != Libc.SIGCHLD)
                _ = Libc.kill(worker, signal);
            if (Descendants.Reap(worker) is { } status)
                return status;
        }
    }

    private void Attempt(Action work)
    {
        try
        {
            work();
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            Report(CniException.From(error));
        }
    }

    private void Report(CniException error)
    {
        _failed = true;
        PluginHost.Note(_environment, $"{_run.Tool}: {error.Text}");
    }

    private static unsafe (SafeFileHandle Read, SafeFileHandle Write) Pipe()
    {
        int* ends = stackalloc int[2];
        if (Libc.pipe2(ends, Libc.O_CLOEXEC | Libc.O_NONBLOCK) < 0)
            throw new CniException(CniError.IoFailure, $"cannot create a pipe: {Marshal.GetLastPInvokeErrorMessage()}");
        return (new SafeFileHandle(ends[0], ownsHandle: true), new SafeFileHandle(ends[1], ownsHandle: true));
    }

    private static unsafe int Count(SafeFileHandle read)
    {
        byte* bytes = stackalloc byte[4096];
        int all = 0;
        for (nint count; (count = Libc.read(read, bytes, 4096)) > 0;)
            all += (int)count;
        return all;
    }
}
