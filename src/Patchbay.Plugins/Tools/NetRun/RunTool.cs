using System.Globalization;
using System.Runtime.InteropServices;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;

namespace Patchbay.Plugins.Tools.NetRun;

/// <summary>priv-net-run and docker-run: a command, or a container of docker, in a namespace that has joined networks. docs/priv-net-run.md, docs/docker-run.md.</summary>
/// <remarks>
/// Three processes, each this file: the front, which the user started, hands on signals and the exit status; the <see cref="Guardian"/>, which outlives
/// it, makes the namespace and cleans up; the <see cref="Worker"/> runs the plugins and becomes the command.
/// </remarks>
internal static class RunTool
{
    internal const string PrivNetRunName = "priv-net-run";
    internal const string DockerRunName = "docker-run";

    /// <summary>Exit status when the tool itself fails; so do env(1), timeout(1) and docker.</summary>
    internal const int OwnFailure = 125;

    internal const int NotExecutable = 126;
    internal const int NotFound = 127;

    private const string PrivNetRunUsage = $"""
        priv-net-run: run a command in a network namespace of its own that has joined networks

        usage: priv-net-run [options] COMMAND [ARGUMENT...]

        {AttachmentOptions.Usage}
        """;

    private const string DockerRunUsage = $"""
        docker-run: docker run, in a network namespace that CNI plugins have set up

        usage: docker-run [options] [OPTIONS OF docker run] IMAGE [COMMAND] [ARGUMENT...]

        {AttachmentOptions.Usage}
          DOCKER_HOST  and docker's other variables: the engine, which must be on this host
        """;

    /// <summary>Runs one of the tools.</summary>
    /// <param name="name">Which.</param>
    /// <param name="arguments">The command line after its name.</param>
    /// <param name="environment">Variables and streams.</param>
    /// <returns>The exit status, if there is a mistake in the command line; otherwise this process becomes the front.</returns>
    internal static int Run(string name, ReadOnlySpan<string> arguments, PluginEnvironment environment)
    {
        try
        {
            bool docker = name == DockerRunName;
            RunOptions options = RunOptions.Parse(arguments, docker);
            if (options.Help || options.CommandAt == arguments.Length)
            {
                PluginHost.Note(environment, docker ? DockerRunUsage : PrivNetRunUsage);
                return options.Help ? 0 : OwnFailure;
            }

            byte[][] rest = ProcessText.Arguments()[^arguments.Length..];
            Signals.Block();
            throw Role.Become(Role.Line(Role.Front, RunIdentity.New(name), Libc.getpgrp(), rest));
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            PluginHost.Note(environment, $"{name}: {CniException.From(error).Text}");
            return OwnFailure;
        }
    }

    /// <summary>Takes a role.</summary>
    /// <param name="arguments">Those of <see cref="Role.Line"/>, without the first.</param>
    /// <param name="environment">Variables and streams.</param>
    internal static int RunRole(ReadOnlySpan<string> arguments, PluginEnvironment environment)
    {
        if (arguments is [Role.Pause])
        {
            while (true)
                _ = Libc.pause();
        }

        if (arguments is not [string role, PrivNetRunName or DockerRunName, string id, string parentText, string groupText, ..]
            || !int.TryParse(parentText, NumberStyles.None, CultureInfo.InvariantCulture, out int parent)
            || !int.TryParse(groupText, NumberStyles.None, CultureInfo.InvariantCulture, out int group))
        {
            PluginHost.Note(environment, $"{Role.HelperName} is for {PrivNetRunName} and {DockerRunName} alone");
            return OwnFailure;
        }

        RunIdentity run = new(arguments[1], id);
        ReadOnlySpan<string> rest = arguments[5..];
        try
        {
            return role switch
            {
                Role.Front => Front(run, group, rest.Length),
                Role.Guardian => Guardian.Run(run, parent, group, rest, environment),
                Role.Cleaner => Guardian.Clean(run, rest, environment),
                Role.Worker => Worker.Run(run, parent, rest, environment),
                _ => throw new CniException(CniError.Internal, $"no role \"{role}\""),
            };
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            PluginHost.Note(environment, $"{run.Tool}: {CniException.From(error).Text}");
            return OwnFailure;
        }
    }

    private static int Front(RunIdentity run, int group, int argumentCount)
    {
        byte[][] rest = ProcessText.Arguments()[^argumentCount..];

        // The command is to be in our group, the terminal's own. A group of another process namespace has no number (0) by which it could join.
        int? own = group == 0 ? null : 0;
        _ = Libc.prctl(Libc.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); // what a killed guardian leaves
        int status = Wait(Role.Start(Role.Line(Role.Guardian, run, group, rest), own, given: null, plainSignals: false));
        if ((status & 0x7f) != 0)
        {
            Descendants.End(NamedNamespace.PathOf(run.Id));
            _ = Wait(Role.Start(Role.Line(Role.Cleaner, run, group, rest), own, given: null, plainSignals: false));
        }

        return Role.ExitStatus(status);
    }

    private static unsafe int Wait(int child)
    {
        while (true)
        {
            (int signal, bool bySomebody) = Signals.Wait();
            if (signal != Libc.SIGCHLD && bySomebody)
                _ = Libc.kill(child, signal);
            int status;
            int got = Libc.waitpid(child, &status, Libc.WNOHANG);
            if (got == child)
                return status;
            if (got < 0 && Marshal.GetLastPInvokeError() != Libc.EINTR)
                throw new CniException(CniError.IoFailure, $"cannot wait for a process: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }
}
