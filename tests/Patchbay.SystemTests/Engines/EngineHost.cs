using System.Diagnostics;
using System.Globalization;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Engines;

/// <summary>
/// A machine for one container engine: <see cref="Host"/>'s network, and processes, mounts and control groups of its own, so that the engine
/// runs with its default paths (<c>/etc/cni/net.d</c>, <c>/opt/cni/bin</c>, <c>/run</c>, <c>/var/lib</c>) and all it made is gone with it.
/// </summary>
/// <remarks><c>/var/lib/cni</c> is <see cref="TestHost.DataDirectory"/>, so <see cref="Snapshot"/> sees reservations and cached results.</remarks>
internal sealed class EngineHost : IDisposable
{
    private readonly Process _machine;
    private readonly int _init;

    private EngineHost(TestHost host, Process machine, int init)
    {
        Host = host;
        _machine = machine;
        _init = init;
    }

    /// <summary>The host's network namespace and directories.</summary>
    public TestHost Host { get; }

    public static EngineHost Create()
    {
        TestHost host = TestHost.Create();
        try
        {
            Process machine = host.Start([Repository.PathOf("tests/Patchbay.SystemTests/Engines/engine-host.sh"), host.Name, host.DataDirectory]);
            string said = machine.NextLine() ?? machine.StandardError.ReadToEnd();
            Assert.SkipWhen(said.StartsWith("needs ", StringComparison.Ordinal), said);
            Assert.Equal("ready", said);
            // unshare(1) stays outside and waits for the first process inside.
            string init = Command.Run(["pgrep", "-P", machine.Id.ToString(CultureInfo.InvariantCulture)]).Check().StandardOutput.Trim();
            return new EngineHost(host, machine, int.Parse(init, CultureInfo.InvariantCulture));
        }
        catch
        {
            Remove(host);
            throw;
        }
    }

    /// <summary>How the test reaches a file of the machine.</summary>
    public string PathOf(string inside) => $"/proc/{_init}/root{inside}";

    public CommandResult Run(params IReadOnlyList<string> arguments) => Host.Run(Inside(arguments));

    public CommandResult Run(IReadOnlyList<string> arguments, string? stdin, IReadOnlyDictionary<string, string?>? environment = null, TimeSpan? limit = null) =>
        Host.Run(Inside(arguments), stdin, environment, limit);

    /// <summary>Runs a script as a reader types it, in the directory <c>/run/reader</c>; its first failure is the end. Programs of the test are in <c>/run/bin</c>.</summary>
    public CommandResult Shell(string script) => Run(["bash", "-euc", $"mkdir -p /run/reader; cd /run/reader; PATH=/run/bin:$PATH\n{script}"]);

    /// <summary>Starts a program in the background, in the control groups of the machine.</summary>
    public Process Start(params IReadOnlyList<string> arguments) => Host.Start(Inside(["/run/daemon", .. arguments]));

    public void WriteFile(string inside, string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(PathOf(inside))!);
        File.WriteAllText(PathOf(inside), content);
    }

    /// <summary>The plugins under test into <c>/opt/cni/bin</c>, as <c>make install</c> puts them there: one file, many names.</summary>
    public void InstallPlugins() => Install(Plugin.OursDirectory);

    /// <summary>Plugins of a directory into <c>/opt/cni/bin</c>.</summary>
    public void Install(string directory)
    {
        Directory.CreateDirectory(PathOf("/opt/cni/bin"));
        Command.Run(["cp", "-a", $"{directory}/.", PathOf("/opt/cni/bin/")]).Check();
    }

    /// <summary>
    /// Waits until the host has so many containers' links: one whose namespace has gone without a DEL that names it is removed by the kernel, later.
    /// </summary>
    public void AwaitLinks(int count) => Wait.Until($"{count} links of containers", () =>
        Host.IpJson("link show").EnumerateArray().Count(link => link.GetProperty("ifname").GetString()!.StartsWith("veth", StringComparison.Ordinal)) == count);

    public void Dispose()
    {
        // The end of its input ends the first process, the kernel ends all others with it, and unshare waits for that.
        _machine.StandardInput.Close();
        if (!_machine.WaitForExit(Command.DefaultLimit))
            _machine.Kill(entireProcessTree: true);
        Remove(Host);
    }

    private static void Remove(TestHost host)
    {
        try
        {
            host.Dispose();
        }
        finally
        {
            // Children first; the files in it are the kernel's and need no removal.
            Command.Run(["bash", "-c", "for own in /sys/fs/cgroup/{.,*}/$0; do [ ! -d \"$own\" ] || find \"$own\" -depth -type d -exec rmdir {} ';'; done", host.Name]).Check();
        }
    }

    private List<string> Inside(IReadOnlyList<string> arguments) =>
        ["nsenter", $"--target={_init}", "--mount", "--pid", "--cgroup", "--ipc", "--uts", "--wd=/", "--", .. arguments];
}
