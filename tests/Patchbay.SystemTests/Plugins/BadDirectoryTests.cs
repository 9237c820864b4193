using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>A data directory that cannot be written, and a plugin without privileges.</summary>
public class BadDirectoryTests
{
    // A mount namespace of the plugin's own; the command has the data directory as $0, then becomes the plugin.
    private static PluginResult AddWith(TestHost host, TestNamespace container, string mount, string type = "bridge") =>
        Run(host, container, type, ["unshare", "--mount", "--propagation", "private", "sh", "-c", $"{mount} && exec \"$@\"", host.DataDirectory, Path.Combine(Plugin.OursDirectory, type)]);

    [Fact]
    public void Read_only_data_directory()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Snapshot before = Snapshot.Take(host, except: "cni0");

        foreach (string type in (string[])["host-local", "bridge"])
        {
            AddWith(host, container, "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\"", type)
                .Failed(5, $"{host.DataDirectory}/net", "Read-only file system");
        }

        before.AssertSame(Snapshot.Take(host, except: "cni0"));
    }

    [Theory]
    [InlineData("nr_inodes=1", "")]
    [InlineData("nr_inodes=2", "")]
    [InlineData("nr_inodes=3", "")]
    [InlineData("nr_inodes=4", "")]
    [InlineData("nr_inodes=5", "")]
    [InlineData("nr_inodes=6", "")]
    [InlineData("size=4k", "&& echo full >\"$0/fill\"")]
    [InlineData("size=8k", "&& echo full >\"$0/fill\"")]
    [InlineData("size=12k", "&& echo full >\"$0/fill\"")]
    [InlineData("size=16k", "&& echo full >\"$0/fill\"")]
    public void Full_data_directory(string options, string fill)
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Snapshot before = Snapshot.Take(host, except: "cni0");

        // What is left on the full file system afterwards, on standard error.
        string mount = $"mount -t tmpfs -o {options} tmpfs \"$0\" {fill} && {{ \"$@\"; status=$?; cd \"$0\"; ls -A net >&2 2>/dev/null; exit $status; }}";
        PluginResult result = AddWith(host, container, mount);

        Assert.True(result.ExitCode == 1, result.ToString());
        result.Failed(result.ErrorCode, $"{host.DataDirectory}/net", "No space left on device");
        Assert.Contains(result.ErrorCode, (int[])[5, 999]);
        Assert.DoesNotContain("10.22.0.2", result.StandardError, StringComparison.Ordinal);
        Assert.DoesNotContain("fd22::2", result.StandardError, StringComparison.Ordinal);
        before.AssertSame(Snapshot.Take(host, except: "cni0"));
    }

    [Fact]
    public void Data_directory_is_a_file()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        File.WriteAllText(Path.Combine(host.DataDirectory, "net"), "a file");
        Snapshot before = Snapshot.Take(host, except: "cni0");

        new Plugin(host, "bridge").Add(container, Conf.Bridge(host)).Failed(5, $"{host.DataDirectory}/net", "Not a directory");

        before.AssertSame(Snapshot.Take(host, except: "cni0"));
    }

    [Theory]
    [InlineData("bridge")]
    [InlineData("ptp")]
    [InlineData("loopback")]
    [InlineData("host-local")]
    public void No_permission(string type)
    {
        Plugin.NeedsOurs(type, "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        // Where a user without rights can read and run it.
        File.SetUnixFileMode(host.Directory, (UnixFileMode)0b111_101_101);
        host.Run("sh", "-c", $"cp {Plugin.OursDirectory}/{type} {host.Directory}/{type} && ln {host.Directory}/{type} {host.Directory}/{(type == "host-local" ? "other" : "host-local")}").Check();
        Snapshot before = Snapshot.Take(host);

        PluginResult result = Run(host, container, type,
            ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--no-new-privs", "--inh-caps=-all", Path.Combine(host.Directory, type)],
            host.Directory);

        Assert.True(result.ExitCode == 1, result.ToString());
        Assert.Matches("ermission|permitted|denied", result.ErrorText);
        before.AssertSame(Snapshot.Take(host));
    }

    private static PluginResult Run(TestHost host, TestNamespace container, string type, IReadOnlyList<string> command, string? path = null) =>
        new(host.Run(command, Conf.Make(host, type), new Dictionary<string, string?>
        {
            ["CNI_COMMAND"] = "ADD",
            ["CNI_CONTAINERID"] = "ctr",
            ["CNI_NETNS"] = container.Path,
            ["CNI_IFNAME"] = "eth0",
            ["CNI_PATH"] = path ?? Plugin.OursDirectory,
        }));
}
