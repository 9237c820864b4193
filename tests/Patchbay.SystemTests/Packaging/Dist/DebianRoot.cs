using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Packaging.Dist;

/// <summary>A small Debian of its own, with the reference plugins installed, and a host's network around it.</summary>
internal sealed class DebianRoot : IDisposable
{
    private static readonly string[] Elsewhere = ["/proc", "/sys", "/dev", "/run", "/packages", "/tmp", "/var/lib/dpkg", "/var/log", "/var/cache"];

    internal DebianRoot()
    {
        string archive = Repository.PathOf("artifacts/debian-root.tar");
        Assert.SkipUnless(File.Exists(archive), "needs artifacts/debian-root.tar: make test-dist");
        Host = TestHost.Create();
        Path = Directory.CreateDirectory(System.IO.Path.Combine(Host.Directory, "root")).FullName;
        Command.Run(["tar", "--numeric-owner", "-xf", archive, "-C", Path]).Check();
        Directory.CreateDirectory(System.IO.Path.Combine(Path, "packages"));
        File.Copy(Products.Deb, System.IO.Path.Combine(Path, "packages/first.deb"));
        File.Copy(Products.LabDeb, System.IO.Path.Combine(Path, "packages/patchbay.deb"));
    }

    internal TestHost Host { get; }

    internal string Path { get; }

    /// <summary>Runs a script in there, in the host's network, with the list of network namespaces.</summary>
    internal CommandResult Try(string script, string? stdin = null) =>
        Host.Run(
        [
            "unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-euc",
            "mount -t proc proc \"$0\"/proc; mount -t sysfs sysfs \"$0\"/sys; mount --rbind /dev \"$0\"/dev; mount -t tmpfs tmpfs \"$0\"/run; mkdir \"$0\"/run/netns;"
            + " mount --rbind /run/netns \"$0\"/run/netns; exec chroot \"$0\" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive sh -euc \"$1\"",
            Path, script,
        ], stdin);

    internal string Run(string script, string? stdin = null) => Try(script, stdin).Check().StandardOutput;

    /// <summary>Runs a plugin in there.</summary>
    internal CommandResult Plugin(string command, TestNamespace container, string config) =>
        Try($"cd /; CNI_COMMAND={command} CNI_CONTAINERID={container.Name} CNI_NETNS=/run/netns/{container.Name} CNI_IFNAME=eth0 CNI_PATH=/usr/lib/cni exec /usr/lib/cni/bridge", config);

    /// <summary>Makes a package of our files with another version.</summary>
    internal void Package(string file, string version)
    {
        string made = Command.Run([Repository.PathOf("hack/deb"), System.IO.Path.Combine(Path, "packages"), "patchbay-cni"], environment: new Dictionary<string, string?> { ["PATCHBAY_DEB_VERSION"] = version })
            .Check().StandardOutput.Trim();
        File.Move(made, System.IO.Path.Combine(Path, "packages", file));
    }

    /// <summary>Every file that a package may leave.</summary>
    internal string[] Files() =>
    [
        .. Command.Run(["find", Path, "-xdev", "-printf", "/%P %y %l\n"]).Check().StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Where(line => !Elsewhere.Any(part => line.StartsWith(part, StringComparison.Ordinal))).Order(StringComparer.Ordinal),
    ];

    public void Dispose() => Host.Dispose();
}
