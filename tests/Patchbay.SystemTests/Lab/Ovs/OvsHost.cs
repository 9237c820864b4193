using System.Diagnostics;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Lab.Ovs;

/// <summary>Open vSwitch of its own on a test's host: database, sockets and logs in the host's directory, switching in the host's namespace.</summary>
internal sealed class OvsHost : IDisposable
{
    private const string Schema = "/usr/share/openvswitch/vswitch.ovsschema";

    private readonly Process _switch;

    public OvsHost()
    {
        Needs.Program("ovsdb-server");
        Needs.Program("ovs-vswitchd");
        Host = TestHost.Create();
        var variables = new Dictionary<string, string?> { ["OVS_RUNDIR"] = Host.Directory, ["OVS_LOGDIR"] = Host.Directory, ["OVS_DBDIR"] = Host.Directory };
        Host.Run("ovsdb-tool", "create", At("conf.db"), Schema).Check();
        Host.Start(["sh", "-c", """exec ovsdb-server --remote="punix:$0" --unixctl="$0.ctl" "$1" >"$0.log" 2>&1""", Socket, At("conf.db")], variables);
        Wait.Until("ovsdb-server listens", () => File.Exists(Socket));
        Vsctl("--no-wait", "init").Check();
        _switch = Host.Start(["sh", "-c", """exec ovs-vswitchd --unixctl="$1" --pidfile="$2" "unix:$0" >"$2.log" 2>&1""", Socket, Control, At("ovs-vswitchd.pid")], variables);
        Wait.Until("ovs-vswitchd answers", () => _switch.HasExited || Vsctl("--timeout=1", "get", "Open_vSwitch", ".", "ovs_version").ExitCode == 0);
    }

    public TestHost Host { get; }

    public string Socket => At("db.sock");

    private string Control => At("vswitchd.ctl");

    /// <summary>ovs-vsctl(8), the judge.</summary>
    public CommandResult Vsctl(params string[] arguments) => Host.Run(["ovs-vsctl", $"--db=unix:{Socket}", .. arguments]);

    /// <summary>ovs-appctl(8), which asks ovs-vswitchd itself.</summary>
    public CommandResult Appctl(params string[] arguments) => Host.Run(["ovs-appctl", $"--target={Control}", .. arguments]);

    /// <summary>Ends ovs-vswitchd; the database stays.</summary>
    public void StopSwitch()
    {
        _switch.Kill();
        _switch.WaitForExit();
    }

    public void Dispose() => Host.Dispose();

    private string At(string name) => Path.Combine(Host.Directory, name);
}
