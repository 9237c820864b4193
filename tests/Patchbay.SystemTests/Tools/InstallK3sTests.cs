using Patchbay.SystemTests.Engines;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Tools;

/// <summary>
/// <c>patchbay-cni install --k3s</c> in the directories that k3s makes: data/HASH/bin with seven links to one program, data/current that leads to the
/// newest, and from 1.31.2 on data/cni with links to that one's program.
/// </summary>
public sealed class InstallK3sTests : IDisposable
{
    private static readonly string[] TheirNames = ["bandwidth", "bridge", "firewall", "flannel", "host-local", "loopback", "portmap"];

    private readonly InstallDirectory _directory = new();

    public InstallK3sTests() => Upgrade("1f5aa17d", stable: true);

    public void Dispose() => _directory.Dispose();

    private string Data => Path.Combine(_directory.Path, "k3s/data");

    private string Stable => Path.Combine(Data, "cni");

    private string Current => Path.Combine(Data, "current/bin");

    public static TheoryData<string> Directories => ["cni", "current/bin"];

    [Theory]
    [MemberData(nameof(Directories))]
    public void What_k3s_leaves_out_is_added_and_its_own_is_left(string directory)
    {
        string at = Path.Combine(Data, directory);
        string[] before = Links(at);

        CommandResult result = Install(at, "--k3s").Check();

        Assert.Equal(before, Links(at));
        Assert.Contains("k3s, symbolic link to ", result.StandardOutput, StringComparison.Ordinal);
        foreach (string name in InstallDirectory.Names.Except(TheirNames))
            Assert.Equal(File.ReadAllBytes(InstallDirectory.Program), File.ReadAllBytes(Path.Combine(at, name)));
        Assert.Equal(0, Install(at, "--k3s", "--check").ExitCode);
        Assert.Equal("I am k3s", Command.Run([Path.Combine(at, "bridge")]).Check().StandardOutput.Trim());
        Assert.Equal("1.1.0", VersionOf(Path.Combine(at, "macvlan")));

        Install(at, "--k3s", "--uninstall").Check();
        Assert.Equal(before, Links(at));
        Assert.Equal(before.Length, Directory.GetFiles(at).Count(file => new FileInfo(file).LinkTarget is not null));
    }

    [Fact]
    public void Without_k3s_the_links_are_somebody_else_s()
    {
        CommandResult refused = Install(Stable);

        Assert.Equal(1, refused.ExitCode);
        foreach (string name in TheirNames)
            Assert.Contains(name, refused.StandardError, StringComparison.Ordinal);
    }

    [Fact]
    public void Force_takes_k3s_names_and_leaves_its_program()
    {
        Install(Stable, "--k3s", "--force").Check();

        Assert.DoesNotContain(Links(Stable), link => !link.StartsWith("cni ", StringComparison.Ordinal));
        Assert.Equal("I am k3s", Command.Run([Path.Combine(Current, "cni")]).Check().StandardOutput.Trim());
        Assert.Equal("I am k3s", Command.Run([Path.Combine(Current, "bridge")]).Check().StandardOutput.Trim());
        Assert.Equal(0, Install(Stable, "--check").ExitCode);
    }

    [Fact]
    public void Links_to_one_file_may_be_hard_links()
    {
        string at = Directory.CreateDirectory(Path.Combine(Data, "hard")).FullName;
        File.Copy("/bin/true", Path.Combine(at, "cni"));
        foreach (string name in TheirNames)
            Command.Run(["ln", Path.Combine(at, "cni"), Path.Combine(at, name)]).Check();

        Install(at, "--k3s").Check();

        Assert.Equal(File.ReadAllBytes("/bin/true"), File.ReadAllBytes(Path.Combine(at, "bridge")));
        Assert.Equal(0, Install(at, "--k3s", "--check").ExitCode);
    }

    [Fact]
    public void A_plugin_of_a_third_party_is_neither_k3s_nor_ours()
    {
        File.Copy("/bin/true", Path.Combine(Stable, "macvlan"));

        CommandResult refused = Install(Stable, "--k3s");

        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("others: macvlan.", refused.StandardError, StringComparison.Ordinal);
    }

    [Fact]
    public void An_upgrade_of_k3s_leaves_the_stable_directory_as_it_is_and_loses_the_other()
    {
        Install(Stable, "--k3s").Check();
        Install(Current, "--k3s").Check();

        Upgrade("3d818ebb", stable: true);

        Assert.Equal(0, Install(Stable, "--k3s", "--check").ExitCode);
        CommandResult check = Install(Current, "--k3s", "--check");
        Assert.Equal(1, check.ExitCode);
        Assert.Matches("macvlan +missing", check.StandardOutput);
        Install(Current, "--k3s").Check();
        Assert.Equal(0, Install(Current, "--k3s", "--check").ExitCode);
    }

    [Theory]
    [InlineData(true, "cni")]
    [InlineData(false, "current/bin")]
    public void Without_a_directory_it_is_k3s_own(bool stable, string expected)
    {
        if (!stable)
            Directory.Delete(Stable, recursive: true);

        CommandResult result = Command.Run(
        [
            "unshare", "--mount", "sh", "-euc",
            "mount -t tmpfs tmpfs /var/lib; mkdir -p /var/lib/rancher/k3s; mount --bind \"$1\" /var/lib/rancher/k3s; exec \"$0\" install --k3s --dry-run",
            InstallDirectory.Program, Path.Combine(_directory.Path, "k3s"),
        ]);

        Assert.StartsWith($"/var/lib/rancher/k3s/data/{expected}: patchbay-cni", result.Check().StandardOutput, StringComparison.Ordinal);
    }

    [Fact]
    public void The_page_s_commands_install()
    {
        Type(DocumentedCommands.Of("docs/install.md").Under("k3s"));

        Assert.Equal(0, Install(Stable, "--k3s", "--check").ExitCode);
    }

    [Fact]
    public void What_k3s_page_does_by_hand_adds_a_plugin_and_leaves_theirs_alone()
    {
        string[] theirs = Links(Stable);

        Type(DocumentedCommands.Of("docs/engines/k3s.md").Under("k3s"));

        Assert.Equal(theirs.Append("macvlan patchbay-cni").Order(StringComparer.Ordinal), Links(Stable));
        Assert.Equal("1.1.0", VersionOf(Path.Combine(Stable, "macvlan")));
    }

    // Where k3s and the plugins are on a reader's machine.
    private void Type(string script) => Command.Run(
    [
        "unshare", "--mount", "bash", "-euc",
        $"""
        for own in /var/lib /opt; do mount -t tmpfs tmpfs $own; done
        mkdir -p /var/lib/rancher/k3s /opt/cni/bin; mount --bind "$1" /var/lib/rancher/k3s; cp -a "$0/." /opt/cni/bin; PATH=/opt/cni/bin:$PATH
        {script}
        """,
        Plugin.OursDirectory, Path.Combine(_directory.Path, "k3s"),
    ]).Check();

    private static CommandResult Install(string directory, params string[] arguments) => Command.Run([InstallDirectory.Program, "install", .. arguments, directory]);

    private static string? VersionOf(string plugin) =>
        Command.Run([plugin], "{}", new Dictionary<string, string?> { ["CNI_COMMAND"] = "VERSION" }).Check().Json.GetProperty("cniVersion").GetString();

    private static string[] Links(string directory) =>
    [
        .. Directory.GetFiles(directory).Select(file => new FileInfo(file)).Where(file => file.LinkTarget is not null)
            .Select(file => $"{file.Name} {file.LinkTarget}").Order(StringComparer.Ordinal),
    ];

    // As k3s unpacks itself: the program and its links in a new directory, "current" turned, links of data/cni made anew, other files there left.
    private void Upgrade(string hash, bool stable)
    {
        string unpacked = Path.Combine(Data, hash), bin = Path.Combine(unpacked, "bin");
        Directory.CreateDirectory(bin);
        Command.Run(["install", "-m", "755", "/dev/stdin", Path.Combine(bin, "cni")], "#!/bin/sh\necho I am k3s\n").Check();
        foreach (string name in TheirNames)
            File.CreateSymbolicLink(Path.Combine(bin, name), "cni");
        if (stable)
        {
            Directory.CreateDirectory(Stable);
            foreach (string name in TheirNames.Append("cni"))
            {
                File.Delete(Path.Combine(Stable, name));
                File.CreateSymbolicLink(Path.Combine(Stable, name), Path.Combine(bin, "cni"));
            }
        }

        string current = Path.Combine(Data, "current");
        if (Directory.Exists(current))
            Command.Run(["mv", "-T", current, Path.Combine(Data, "previous")]).Check();
        File.CreateSymbolicLink(current, unpacked);
    }
}
