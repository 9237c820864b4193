using System.Security.Cryptography;

namespace Patchbay.SystemTests.Harness;

/// <summary>
/// One test's own machine: a network namespace that plays the host, namespaces that play its containers, and a directory for
/// everything that a host keeps on disk. Disposing it removes all of that and fails the test when a process was left behind.
/// </summary>
internal sealed class TestHost : TestNamespace, IDisposable
{
    private readonly List<TestNamespace> _containers = [];

    private TestHost(string name, string directory)
        : base(name, new Dictionary<string, string?>
        {
            // Otherwise all hosts would wait for one another at the machine's one lock (iptables(8), -w).
            ["XTABLES_LOCKFILE"] = System.IO.Path.Combine(directory, "xtables.lock"),
        })
    {
        Directory = directory;
        foreach (string each in (string[])[DataDirectory, CacheDirectory, ConfigDirectory])
            System.IO.Directory.CreateDirectory(each);
    }

    /// <summary>The host's own directory, removed with it.</summary>
    public string Directory { get; }

    /// <summary>For "dataDir" of host-local and its like.</summary>
    public string DataDirectory => System.IO.Path.Combine(Directory, "data");

    /// <summary>For libcni's cache of results.</summary>
    public string CacheDirectory => System.IO.Path.Combine(Directory, "cache");

    /// <summary>For NETCONFPATH.</summary>
    public string ConfigDirectory => System.IO.Path.Combine(Directory, "net.d");

    public IReadOnlyList<TestNamespace> Containers => _containers;

    public static TestHost Create()
    {
        Needs.Root();
        string name = $"pb-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}";
        return new TestHost(name, System.IO.Directory.CreateTempSubdirectory($"{name}-").FullName);
    }

    public TestNamespace AddContainer()
    {
        var container = new TestNamespace($"{Name}-c{_containers.Count}", Environment);
        _containers.Add(container);
        return container;
    }

    /// <summary>Variables with which iptables is found and does not work: whoever runs it fails.</summary>
    public Dictionary<string, string?> WithoutIptables()
    {
        string directory = System.IO.Directory.CreateDirectory(System.IO.Path.Combine(Directory, "broken")).FullName;
        foreach (string program in (string[])["iptables-save", "iptables-restore", "ip6tables-save", "ip6tables-restore"])
        {
            string file = System.IO.Path.Combine(directory, program);
            File.WriteAllText(file, "#!/bin/sh\necho this program was not to be run >&2; exit 1\n");
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        }

        return new() { ["PATH"] = directory };
    }

    /// <summary>The environment in which iptables means the old tables of the kernel: what update-alternatives(1) does for the whole machine.</summary>
    public Dictionary<string, string?> WithLegacyIptables()
    {
        Needs.IptablesLegacy();
        string programs = System.IO.Directory.CreateDirectory(System.IO.Path.Combine(Directory, "legacy")).FullName;
        foreach (string family in (string[])["iptables", "ip6tables"])
        {
            foreach (string action in (string[])["", "-save", "-restore"])
                File.CreateSymbolicLink(System.IO.Path.Combine(programs, family + action), "/usr/sbin/xtables-legacy-multi");
        }

        return new() { ["PATH"] = $"{programs}:{System.Environment.GetEnvironmentVariable("PATH")}" };
    }

    public void Dispose()
    {
        var strays = new List<string>();
        foreach (TestNamespace container in _containers)
            strays.AddRange(container.Remove());
        strays.AddRange(Remove());
        System.IO.Directory.Delete(Directory, recursive: true);
        if (strays.Count > 0)
            Assert.Fail($"left running by the test and killed now: {string.Join(", ", strays)}");
    }
}
