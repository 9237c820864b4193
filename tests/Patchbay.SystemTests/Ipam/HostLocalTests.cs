using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Ipam;

/// <summary>The directory of reservations, shared with the reference's host-local.</summary>
public sealed class HostLocalTests : IDisposable
{
    private readonly TestHost _host;
    private readonly Plugin _ours;
    private readonly Plugin _reference;

    public HostLocalTests()
    {
        Plugin.NeedsOurs("host-local");
        _host = TestHost.Create();
        _ours = new Plugin(_host, "host-local");
        _reference = ReferencePlugins.Plugin(_host, "host-local");
    }

    public void Dispose() => _host.Dispose();

    private string Folder => Path.Combine(_host.DataDirectory, "net");

    private string Config(string subnet = "10.0.0.0/16", string more = "") => $$"""
        {"cniVersion":"1.0.0","name":"net","ipam":{"type":"host-local","dataDir":"{{_host.DataDirectory}}",
         "ranges":[[{"subnet":"{{subnet}}"}],[{"subnet":"fd00::/64"}]]}{{more}}}
        """;

    private PluginResult Run(Plugin plugin, string command, string id, string? config = null)
        => plugin.Invoke(command, config ?? Config(), id, "/run/netns/none", "eth0");

    private string[] Add(Plugin plugin, string id, string? config = null)
        => [.. Run(plugin, "ADD", id, config).Check().Json.GetProperty("ips").EnumerateArray().Select(ip => ip.GetProperty("address").GetString()!.Split('/')[0])];

    private string[] Reserved() => [.. Directory.GetFiles(Folder).Select(Path.GetFileName).OfType<string>()
        .Where(name => name != "lock" && !name.StartsWith("last_reserved_ip", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    /// <summary>As a node that ran the reference for long would have: complete contents, consecutive addresses.</summary>
    private void Fill(int count)
    {
        Directory.CreateDirectory(Folder);
        for (int i = 0; i < count; i++)
        {
            File.WriteAllText(Path.Combine(Folder, $"10.0.{1 + i / 256}.{i % 256}"), $"f{i}\r\neth0");
            File.WriteAllText(Path.Combine(Folder, $"fd00::1:{i:x}"), $"f{i}\r\neth0");
        }
        File.WriteAllText(Path.Combine(Folder, "last_reserved_ip.0"), $"10.0.{1 + (count - 1) / 256}.{(count - 1) % 256}");
        File.WriteAllText(Path.Combine(Folder, "last_reserved_ip.1"), $"fd00::1:{count - 1:x}");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(400)] // with an index
    public void Either_plugin_checks_and_deletes_what_the_other_added(int already)
    {
        Fill(Math.Max(already, 1));
        var before = Reserved();
        var first = Add(_ours, "a");
        var second = Add(_reference, "b");
        var third = Add(_ours, "c");
        Assert.Equal(6, first.Concat(second).Concat(third).Distinct().Count());
        Assert.Equal("b\r\neth0", File.ReadAllText(Path.Combine(Folder, second[0])));
        foreach (var id in new[] { "a", "b", "c" })
        {
            Run(_ours, "CHECK", id).Check();
            Run(_reference, "CHECK", id).Check();
        }
        Assert.Contains("duplicate allocation", Run(_ours, "ADD", "b").CheckError(999).ErrorText, StringComparison.Ordinal);
        Assert.Contains("duplicate allocation", Run(_reference, "ADD", "a").ErrorText, StringComparison.Ordinal);
        Run(_reference, "DEL", "a").Check();
        Run(_ours, "DEL", "b").Check();
        Run(_ours, "DEL", "c").Check();
        Assert.Equal(before, Reserved());
    }

    [Fact]
    public void Both_plugins_go_through_the_same_order()
    {
        var alone = Enumerable.Range(0, 8).Select(i => Add(i % 2 == 0 ? _ours : _reference, $"c{i}", Config("10.0.0.0/28"))[0]);
        Assert.Equal(Enumerable.Range(2, 8).Select(i => $"10.0.0.{i}"), alone);
        Run(_ours, "DEL", "c0").Check();
        Run(_reference, "DEL", "c1").Check();
        var rest = Enumerable.Range(8, 7).Select(i => Add(i % 2 == 0 ? _reference : _ours, $"c{i}", Config("10.0.0.0/28"))[0]);
        Assert.Equal(["10.0.0.10", "10.0.0.11", "10.0.0.12", "10.0.0.13", "10.0.0.14", "10.0.0.2", "10.0.0.3"], rest);
        string[] texts = [.. new[] { _ours, _reference }.Select(plugin => Run(plugin, "ADD", "late", Config("10.0.0.0/28")).ErrorText)];
        Assert.Equal(texts[1], texts[0]);
        Assert.Contains("no IP addresses available in range set: 10.0.0.1-10.0.0.14", texts[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("10.0.0.0/31")]
    [InlineData("10.0.0.9/24")]
    [InlineData("fd00::/96")]
    public void Errors_of_ranges_read_as_the_reference_s(string subnet)
        => Assert.Equal(Run(_reference, "ADD", "a", Config(subnet)).ErrorText, Run(_ours, "ADD", "a", Config(subnet)).ErrorText);

    [Theory]
    [InlineData(0)]
    [InlineData(300)]
    public async Task Sixty_four_at_once_get_sixty_four_addresses(int already)
    {
        if (already > 0)
            Fill(already);
        var given = await Task.WhenAll(Enumerable.Range(0, 64).Select(i => Task.Run(() => Add(i % 8 == 7 ? _reference : _ours, $"c{i}"))));
        Assert.Equal(128, given.SelectMany(ips => ips).Distinct().Count());
        Assert.Equal((already + 64) * 2, Reserved().Length);
        await Task.WhenAll(Enumerable.Range(0, 64).Select(i => Task.Run(() => Run(i % 8 == 3 ? _reference : _ours, "DEL", $"c{i}").Check())));
        Assert.Equal(already * 2, Reserved().Length);
    }

    [Fact]
    public void A_kill_at_any_system_call_leaves_whole_files_that_can_be_deleted()
    {
        Needs.Program("strace");
        Fill(200);
        var before = Reserved();
        Assert.True(KilledAt("ADD", "renameat", 1, before)); // while the index is made
        foreach (var (command, calls) in new[]
        {
            ("ADD", new[] { "openat", "flock", "pwrite64", "linkat", "ftruncate", "utimensat" }),
            ("DEL", ["openat", "flock", "pwrite64", "unlinkat", "utimensat"]),
        })
        {
            foreach (var call in calls)
            {
                int n = 1;
                while (KilledAt(command, call, n, before))
                    n++;
                Assert.True(n > 1, $"{command} never called {call}");
            }
        }
        Add(_ours, "after");
        Run(_ours, "DEL", "after").Check();
        Assert.Equal(before, Reserved());
    }

    [Theory]
    [InlineData("openat:error=EOPNOTSUPP:when=", "O_TMPFILE")]
    [InlineData("linkat:error=EPERM", "")]
    public void Without_unnamed_files_or_links_it_works_all_the_same(string inject, string which)
    {
        Needs.Program("strace");
        if (which.Length > 0)
            inject += OpenNumber(which);
        var result = new PluginResult(Strace(inject, "ADD", "a"));
        Assert.Equal("10.0.0.2/16", result.Check().Json.GetProperty("ips")[0].GetProperty("address").GetString());
        Assert.Equal("a\r\neth0", File.ReadAllText(Path.Combine(Folder, "10.0.0.2")));
    }

    [Theory]
    [InlineData("linkat:error=ENOSPC", "No space left on device")]
    [InlineData("linkat:error=ENOSPC:when=2", "No space left on device")]
    [InlineData("linkat:error=EROFS", "Read-only file system")]
    [InlineData("ftruncate:error=EIO", "Input/output error")]
    [InlineData("ftruncate:error=EIO:when=2", "Input/output error")]
    public void A_full_or_broken_disk_is_told_and_nothing_stays(string inject, string text)
    {
        Needs.Program("strace");
        if (inject.StartsWith("linkat", StringComparison.Ordinal))
            Needs.UnnamedFiles(Folder);
        var failed = new PluginResult(Strace(inject, "ADD", "a")).CheckError(5);
        Assert.Contains(text, failed.ErrorText, StringComparison.Ordinal);
        Assert.Contains(Folder, failed.ErrorText, StringComparison.Ordinal);
        Assert.Empty(Reserved());
    }

    [Fact]
    public void An_index_that_cannot_be_written_is_told_and_done_without()
    {
        Needs.Program("strace");
        Fill(200);
        var result = new PluginResult(Strace("renameat:error=ENOSPC", "ADD", "a"));
        result.Check();
        Assert.Contains("index of reservations", result.StandardError, StringComparison.Ordinal);
        Assert.Equal(402, Reserved().Length);
        Assert.Equal(["data/net"], Directory.GetFileSystemEntries(_host.DataDirectory).Select(path => Path.GetRelativePath(_host.Directory, path)));
        Run(_ours, "DEL", "a").Check();
        Assert.Equal(400, Reserved().Length);
    }

    [Fact]
    public void Status_and_collection_follow_the_specification()
    {
        static string V11(string config) => config.Replace("1.0.0", "1.1.0", StringComparison.Ordinal);
        Run(_ours, "STATUS", "", V11(Config())).Check();
        Add(_reference, "a");
        Add(_reference, "b");
        Run(_ours, "GC", "", V11(Config(more: ""","cni.dev/valid-attachments":[{"containerID":"b","ifname":"eth0"}]"""))).Check();
        Assert.Equal(["10.0.0.3", "fd00::3"], Reserved());
        Add(_ours, "c", Config("10.0.0.0/29"));
        foreach (var id in new[] { "d", "e", "f" })
            Add(_ours, id, Config("10.0.0.0/29"));
        var used = Run(_ours, "STATUS", "", V11(Config("10.0.0.0/29"))).CheckError(50).ErrorText;
        Assert.Contains("network net: no IP addresses available in range set 0: 10.0.0.1-10.0.0.6", used, StringComparison.Ordinal);
    }

    /// <summary>
    /// Kills the command at the nth system call of this name; whatever it left must be whole, and go with a DEL. False when it ended before.
    /// </summary>
    private bool KilledAt(string command, string call, int n, string[] before)
    {
        Run(_ours, "DEL", "nobody").Check(); // the index is made, and trusted
        if (call == "renameat")
            File.Delete(Path.Combine(_host.DataDirectory, ".net.index")); // to be made again
        var id = $"k-{command}-{call}-{n}";
        if (command == "DEL")
            Add(_ours, id);
        int status = Strace($"{call}:signal=KILL:when={n}", command, id).ExitCode;
        Assert.All(Reserved(), name => Assert.NotEqual(0, new FileInfo(Path.Combine(Folder, name)).Length));
        Run(_ours, "DEL", id).Check();
        Assert.Equal(before, Reserved());
        return status != 0;
    }

    /// <summary>The system calls of this name that the command's main thread makes: strace counts "when" by thread.</summary>
    private string[] Trace(string command, string id, string call)
    {
        var trace = Path.Combine(_host.Directory, "trace");
        if (command == "DEL")
            Add(_ours, id);
        _host.Run(["strace", "-f", "-qq", "-o", trace, "-e", $"trace={call}", Path.Combine(_ours.Directory, "host-local")], Config(), Variables(command, id));
        var calls = File.ReadAllLines(trace).Where(line => line.Contains(call + "(", StringComparison.Ordinal)).ToArray();
        return [.. calls.Where(line => line.Split(' ')[0] == calls[0].Split(' ')[0])];
    }

    private CommandResult Strace(string inject, string command, string id)
        => _host.Run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", $"inject={inject}", Path.Combine(_ours.Directory, "host-local")], Config(), Variables(command, id));

    /// <summary>Which openat of an ADD is the one with this flag, for strace's "when".</summary>
    private int OpenNumber(string flag)
    {
        int number = Array.FindIndex(Trace("ADD", "probe", "openat"), line => line.Contains(flag, StringComparison.Ordinal)) + 1;
        Assert.NotEqual(0, number);
        Directory.Delete(Folder, recursive: true);
        return number;
    }

    private Dictionary<string, string?> Variables(string command, string id) => new()
    {
        ["CNI_COMMAND"] = command,
        ["CNI_CONTAINERID"] = id,
        ["CNI_NETNS"] = "/run/netns/none",
        ["CNI_IFNAME"] = "eth0",
        ["CNI_PATH"] = _ours.Directory,
    };
}
