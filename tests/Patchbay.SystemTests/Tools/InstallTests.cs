using System.Text.Json;
using Patchbay.SystemTests.Engines;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Tools;

/// <summary><c>patchbay-cni install</c> into directories as they are found: empty, of an earlier version, of somebody else.</summary>
public sealed class InstallTests : IDisposable
{
    private readonly InstallDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Every_name_is_one_file_and_runs()
    {
        CommandResult result = _directory.Install().Check();

        Assert.Contains("bridge", result.StandardOutput, StringComparison.Ordinal);
        _directory.AssertWhole();
        Assert.Equal("1.1.0", Command.Run([_directory["bridge"]], "{}", new Dictionary<string, string?> { ["CNI_COMMAND"] = "VERSION" }).Check().Json.GetProperty("cniVersion").GetString());
    }

    [Fact]
    public void The_page_s_commands_install()
    {
        string script = DocumentedCommands.Of("docs/install.md").Under("install");

        CommandResult result = Command.Run(
            ["bash", "-euc", script], environment: new Dictionary<string, string?> { ["PATCHBAY"] = InstallDirectory.Program, ["PLUGINS"] = _directory.Bin }).Check();

        Assert.Matches("patchbay-cni +current\n  loopback +current", result.StandardOutput);
        _directory.AssertWhole();
    }

    [Fact]
    public void A_second_time_changes_nothing()
    {
        _directory.Install().Check();
        string before = Stat();

        _directory.Install().Check();

        Assert.Equal(before, Stat());
    }

    [Fact]
    public void An_earlier_version_is_replaced_and_check_tells_it()
    {
        _directory.Version("0.0.9", "patchbay-cni", "bridge", "host-local");
        Assert.Equal(1, _directory.Install("--check").ExitCode);
        Dictionary<string, string> states = _directory.States();
        Assert.Equal(("older", "older", "missing"), (states["bridge"], states["patchbay-cni"], states["ptp"]));
        Assert.Contains("older, version 0.0.9", _directory.Install("--check").StandardOutput, StringComparison.Ordinal);

        _directory.Install().Check();

        _directory.AssertWhole();
    }

    [Fact]
    public void Check_tells_each_state()
    {
        _directory.Install().Check();
        _directory.Version("9.9.9", "new");
        File.Move(_directory["new"], _directory["bridge"], overwrite: true);
        File.Delete(_directory["ptp"]);
        File.Delete(_directory["tap"]);
        _directory.Foreign("tap");
        File.Copy(_directory["vrf"], _directory["copy"]);
        File.Move(_directory["copy"], _directory["vrf"], overwrite: true);
        Rewrite("sbr", bytes => [.. bytes, 0]);

        Dictionary<string, string> states = _directory.States();

        Assert.Equal(
            ("newer", "missing", "foreign", "copy", "different", "current"),
            (states["bridge"], states["ptp"], states["tap"], states["vrf"], states["sbr"], states["loopback"]));
        File.Delete(_directory["tap"]);
        _directory.Install().Check();
        _directory.AssertWhole();
    }

    [Fact]
    public void Lost_permissions_are_found_and_mended()
    {
        _directory.Install().Check();
        File.SetUnixFileMode(_directory["bridge"], UnixFileMode.UserRead | UnixFileMode.UserWrite);

        Assert.All(_directory.States().Values, state => Assert.Equal("permissions", state));

        _directory.Install().Check();
        _directory.AssertWhole();
    }

    [Fact]
    public void Files_of_others_are_named_and_nothing_is_changed()
    {
        _directory.Foreign("bridge");
        _directory.Foreign("portmap", "#!/bin/sh\n");
        _directory.Foreign("dhcp", "");
        _directory.Version("0.0.9", "ptp");
        File.CreateSymbolicLink(_directory["tap"], "/bin/true");
        string before = Stat();

        CommandResult refused = _directory.Install();

        Assert.Equal(1, refused.ExitCode);
        foreach (string name in (string[])["bridge", "portmap", "dhcp", "tap"])
            Assert.Contains(name, refused.StandardError, StringComparison.Ordinal);
        Assert.DoesNotContain("ptp", refused.StandardError, StringComparison.Ordinal);
        Assert.Equal(before, Stat());
        JsonElement json = _directory.Install("--json").Json;
        Assert.False(json.GetProperty("ok").GetBoolean());
        Assert.Equal(4, json.GetProperty("names").GetArrayLength());

        _directory.Install("--force").Check();
        _directory.AssertWhole();
    }

    [Fact]
    public void The_reference_plugins_are_not_overwritten()
    {
        Assert.SkipUnless(Directory.Exists(ReferencePlugins.Directory), "needs Debian's containernetworking-plugins");
        Command.Run(["cp", "-r", $"{ReferencePlugins.Directory}/.", _directory.Bin]).Check();

        CommandResult refused = _directory.Install();

        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("host-local", refused.StandardError, StringComparison.Ordinal);
        string[] besides = [.. _directory.Files.Except(InstallDirectory.Names)]; // other packages put theirs there, too
        _directory.Install("--force").Check();
        _directory.AssertWhole(besides);
    }

    [Fact]
    public void A_symbolic_link_is_replaced_and_what_it_leads_to_is_not()
    {
        string outside = Path.Combine(_directory.Path, "outside");
        File.WriteAllText(outside, "precious");
        File.CreateSymbolicLink(_directory["bridge"], outside);
        File.CreateSymbolicLink(_directory[".patchbay-cni.new"], outside);

        _directory.Install("--force").Check();

        _directory.AssertWhole();
        Assert.Equal("precious", File.ReadAllText(outside));
        File.Delete(_directory["bridge"]);
        File.CreateSymbolicLink(_directory["bridge"], InstallDirectory.Program);
        Assert.Equal("foreign", _directory.States()["bridge"]); // it is ours, but nothing that this directory holds
        _directory.Install("--uninstall").Check();
        Assert.Equal(["bridge"], _directory.Files);
        Assert.True(File.Exists(InstallDirectory.Program));
    }

    [Fact]
    public void A_directory_in_the_way_stays_whatever_is_forced()
    {
        Directory.CreateDirectory(_directory["bridge"]);

        CommandResult refused = _directory.Install("--force");

        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("bridge", refused.StandardError, StringComparison.Ordinal);
        Assert.Equal(["bridge"], _directory.Files);
    }

    [Fact]
    public void Uninstall_removes_what_is_ours_of_any_version()
    {
        _directory.Install().Check();
        Command.Run(["ln", _directory["bridge"], _directory["former-name"]]).Check();
        File.Delete(_directory["vrf"]);
        _directory.Version("0.0.9", "vrf");
        File.Delete(_directory["ptp"]);
        _directory.Foreign("ptp");
        _directory.Foreign("calico");
        Assert.Contains("removed", _directory.Install("--uninstall", "--dry-run").Check().StandardOutput, StringComparison.Ordinal);
        Assert.Equal(InstallDirectory.Names.Length + 2, _directory.Files.Length);

        CommandResult removed = _directory.Install("--uninstall").Check();

        Assert.Equal(["calico", "ptp"], _directory.Files);
        Assert.Contains("left (foreign", removed.StandardOutput, StringComparison.Ordinal);
        _directory.Install("--uninstall").Check(); // there is nothing, and that is no error
    }

    [Fact]
    public void Links_as_a_package_makes_them_are_as_good()
    {
        File.Copy(InstallDirectory.Program, _directory["patchbay-cni"]);
        foreach (string name in InstallDirectory.Names[1..])
            File.CreateSymbolicLink(_directory[name], "patchbay-cni");

        Assert.Equal(0, _directory.Install("--check").ExitCode);
        _directory.Install("--uninstall").Check();
        Assert.Empty(_directory.Files);
    }

    [Fact]
    public void A_choice_of_names()
    {
        _directory.Install("--names", "bridge,host-local").Check();
        Assert.Equal(["bridge", "host-local"], _directory.Files);
        Assert.Equal(0, _directory.Install("--check", "--names=host-local,bridge").ExitCode);
        Assert.Equal(1, _directory.Install("--check").ExitCode);

        _directory.Install().Check(); // the file that is there gets the other names
        _directory.AssertWhole();
        _directory.Install("--uninstall", "--names=bridge").Check();
        Assert.Equal(InstallDirectory.Sorted.Where(name => name != "bridge"), _directory.Files);
    }

    [Fact]
    public void A_dry_run_changes_nothing()
    {
        _directory.Version("0.0.9", "bridge");

        CommandResult result = _directory.Install("--dry-run").Check();

        Assert.Contains("replaced (older, version 0.0.9)", result.StandardOutput, StringComparison.Ordinal);
        Assert.Equal(["bridge"], _directory.Files);
        Assert.Equal("older", _directory.States()["bridge"]);
    }

    [Theory]
    [InlineData("--frobnicate")]
    [InlineData("--names", "bridge,frobnicate")]
    [InlineData("--names", "../x")]
    [InlineData("--names", "")]
    [InlineData("--check", "--uninstall")]
    [InlineData("/tmp")]
    public void A_wrong_command_line_is_told(params string[] arguments)
    {
        CommandResult result = _directory.Install(arguments);

        Assert.Equal(2, result.ExitCode);
        Assert.StartsWith("patchbay-cni install: ", result.StandardError, StringComparison.Ordinal);
        Assert.Empty(_directory.Files);
        Assert.Equal(2, Command.Run([InstallDirectory.Program, "install"]).ExitCode);
    }

    private void Rewrite(string name, Func<byte[], byte[]> change)
    {
        byte[] bytes = change(File.ReadAllBytes(_directory[name]));
        File.Delete(_directory[name]);
        File.WriteAllBytes(_directory[name], bytes);
        File.SetUnixFileMode(_directory[name], (UnixFileMode)0x1ed);
    }

    private string Stat() => Command.Run(["sh", "-c", "cd \"$0\" && stat -c '%n %F %i %s %z' . * .[!.]* 2>/dev/null; true", _directory.Bin]).Check().StandardOutput;
}
