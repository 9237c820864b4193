using System.Diagnostics;
using System.Globalization;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Plugins;

namespace Patchbay.SystemTests.Tools;

/// <summary>The cache of results when it cannot be written or read, and when two processes want one entry.</summary>
public sealed class RuntimeCacheTests : IDisposable
{
    private readonly TestHost _host;
    private readonly ScriptPlugin _last;

    public RuntimeCacheTests()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        _host = TestHost.Create();
        _last = new ScriptPlugin(_host, "last", $$"""
            while [ "$CNI_COMMAND" = ADD ] && [ -e "${0%/*}/wait" ]; do sleep 0.01; done
            {{ScriptPlugin.PassOn}}
            """);
        File.WriteAllText(Path.Combine(_host.ConfigDirectory, "net.conflist"), $$"""
            { "cniVersion": "1.1.0", "name": "net", "plugins": [
              { "type": "bridge", "bridge": "cni0", "isGateway": true,
                "ipam": { "type": "host-local", "dataDir": "{{_host.DataDirectory}}", "subnet": "10.22.0.0/24" } },
              { "type": "last" } ] }
            """);
    }

    public void Dispose() => _host.Dispose();

    [Fact]
    public void On_a_read_only_cache_ADD_does_nothing_and_DEL_and_GC_do_their_work_and_say_what_stays()
    {
        TestNamespace a = _host.AddContainer(), b = _host.AddContainer(), c = _host.AddContainer();
        foreach (TestNamespace each in (TestNamespace[])[a, b])
            Tool("add", "net", each.Path).Check();
        string[] entries = Entries();

        Failed(ReadOnly("add", "net", c.Path), "failed to set network \"net\" cached result: Read-only file system");
        Assert.False(c.HasLink("eth0"));
        ReadOnly("del", "net", c.Path).Check(); // of it there is nothing to remove

        Failed(ReadOnly("del", "net", a.Path), "failed to delete network \"net\" cached result: Read-only file system");
        Assert.False(a.HasLink("eth0"));
        Assert.True(b.HasLink("eth0"));
        Assert.Equal("10.22.0.2/24", _last.Config("DEL").GetProperty("prevResult").GetProperty("ips")[0].GetProperty("address").GetString());

        CommandResult collected = ReadOnly("gc", "net");
        Failed(collected, "failed to delete stale attachment cnitool-");
        Assert.Equal(2, collected.StandardError.Split("cached result: Read-only file system").Length - 1);
        Assert.False(b.HasLink("eth0"));
        Assert.Empty(Reservations());
        Assert.Equal(entries, Entries());
        Assert.Equal(["ADD last", "ADD last", "DEL last", "DEL last", "DEL last", "DEL last", "GC last"], _last.Calls);

        Tool("gc", "net").Check();
        Assert.Empty(Entries());
    }

    [Fact]
    public void Collection_leaves_and_names_an_entry_that_it_cannot_read()
    {
        TestNamespace a = _host.AddContainer(), b = _host.AddContainer();
        Tool("add", "net", a.Path).Check();
        string broken = Entries()[0];
        Tool("add", "net", b.Path).Check();
        File.WriteAllText(broken, File.ReadAllText(broken)[..100]);

        Failed(Tool("gc", "net"), $"cannot read the cached result {broken}: ");

        Assert.False(b.HasLink("eth0"));
        Assert.True(a.HasLink("eth0"));
        Assert.Equal([broken], Entries());
        Assert.Equal("GC last", _last.Calls[^1]);
        Assert.False(_last.Config("GC").TryGetProperty("cni.dev/valid-attachments", out _));

        Tool("del", "net", a.Path).Check(); // the way out that the error names
        Tool("gc", "net").Check();
        Assert.False(a.HasLink("eth0"));
        Assert.Empty(Reservations());
    }

    [Fact]
    public void Two_processes_at_one_container_wait_for_one_another()
    {
        TestNamespace container = _host.AddContainer();
        string wait = Path.Combine(_last.Directory, "wait");
        File.WriteAllText(wait, "");
        Process first = Start("add", container);
        Wait.Until("the first is at its last plugin", () => _last.Calls.Length == 1);
        Process second = Start("add", container), third = Start("del", container);
        foreach (Process process in (Process[])[second, third])
            Wait.Until("it waits for the lock", () => Lock(process));
        Failed(Tool("--timeout", "0.1", "--json", "add", "net", container.Path), "", "another runtime is at work on interface eth0 of container cnitool-", "\"code\": 11");
        third.Kill(); // gives up its place
        Assert.False(second.HasExited);

        File.Delete(wait);

        Assert.Equal(0, Ended(first));
        Assert.Equal(1, Ended(second));
        Assert.Contains("eth0", second.StandardError.ReadToEnd(), StringComparison.Ordinal);
        Assert.Equal(["ADD last"], _last.Calls);
        Assert.Single(Reservations());
        Tool("check", "net", container.Path).Check(); // the first one's, by its own entry
        Tool("del", "net", container.Path).Check();
        Assert.False(container.HasLink("eth0"));
        Assert.Empty(Reservations());
        Assert.Equal(["results"], Directory.GetFileSystemEntries(_host.CacheDirectory).Select(Path.GetFileName));
    }

    private static bool Lock(Process process) => process.HasExited
        ? throw new InvalidOperationException($"it ended: {process.StandardError.ReadToEnd()}")
        : Directory.GetFiles(string.Create(CultureInfo.InvariantCulture, $"/proc/{process.Id}/fd")).Any(fd => File.ResolveLinkTarget(fd, false) is { Name: "patchbay.lock" });

    private static int Ended(Process process)
    {
        Assert.True(process.WaitForExit(Command.DefaultLimit), "cnitool does not end");
        return process.ExitCode;
    }

    private static void Failed(CommandResult result, string error, params string[] output)
    {
        Assert.Equal(1, result.ExitCode);
        Assert.Contains(error, result.StandardError, StringComparison.Ordinal);
        foreach (string text in output)
            Assert.Contains(text, result.StandardOutput, StringComparison.Ordinal);
    }

    private string[] Entries() => [.. Directory.GetFiles(Path.Combine(_host.CacheDirectory, "results")).Order(StringComparer.Ordinal)];

    private string[] Reservations() => Directory.GetFiles(_host.DataDirectory, "10.*", SearchOption.AllDirectories);

    private CommandResult Tool(params string[] arguments) => _host.Run(Line(arguments), null, Variables());

    // The same on a cache that is mounted read-only, for it alone.
    private CommandResult ReadOnly(params string[] arguments)
    {
        const string Mount = """mount --bind "$0" "$0"; mount -o remount,bind,ro "$0"; exec "$@" """;
        return _host.Run(["unshare", "--mount", "--", "sh", "-euc", Mount, _host.CacheDirectory, .. Line(arguments)], null, Variables());
    }

    private Process Start(string verb, TestNamespace container) => _host.Start(Line(verb, "net", container.Path), Variables());

    private List<string> Line(params string[] arguments) => [Path.Combine(Plugin.OursDirectory, "cnitool"), "--cache-dir", _host.CacheDirectory, .. arguments];

    private Dictionary<string, string?> Variables() => new()
    {
        ["NETCONFPATH"] = _host.ConfigDirectory,
        ["CNI_PATH"] = $"{Plugin.OursDirectory}:{_last.Directory}",
        ["CNI_ARGS"] = null,
        ["CNI_IFNAME"] = null,
        ["CAP_ARGS"] = null,
    };
}
