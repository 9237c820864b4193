using Patchbay.Plugins.Ipam.Dhcp;
using Patchbay.Plugins.Ipam.Dhcp.Daemon;
using Patchbay.Plugins.Ipam.Dhcp.Leases;
using Patchbay.Plugins.Ipam.Dhcp.Protocol;

namespace Patchbay.Tests.Ipam.Dhcp;

/// <summary>What is told without a daemon: wrong configurations, durations, names and contents of files.</summary>
public sealed class DhcpPluginTests
{
    [Theory]
    [InlineData("""{ "provide": [{ "option": "hostname", "value": "x" }] }""", "7 ipam.provide[0]: there is no option \"hostname\": want ")]
    [InlineData("""{ "provide": [{ "option": "256", "value": "x" }] }""", "7 ipam.provide[0]: there is no option \"256\"")]
    [InlineData("""{ "provide": [{ "option": "0", "value": "x" }] }""", "7 ipam.provide[0]: there is no option \"0\"")]
    [InlineData("""{ "provide": [{ "option": "53", "value": "x" }] }""", "7 ipam.provide[0]: option 53 is part of the protocol")]
    [InlineData("""{ "provide": [{ "value": "x" }] }""", "7 ipam.provide[0] has no \"option\"")]
    [InlineData("""{ "provide": { "option": "12" } }""", "999 failed to load netconf: \"ipam.provide\" must be a list")]
    [InlineData("""{ "provide": [{ "option": 12, "value": "x" }] }""", "999 failed to load netconf: \"ipam.provide[0].option\" must be a string, not 12")]
    [InlineData("""{ "request": [{ "skipDefault": "yes" }] }""", "999 failed to load netconf: \"ipam.request[0].skipDefault\" must be true or false")]
    [InlineData("""{ "request": [{ }] }""", "7 ipam.request[0] has no \"option\"")]
    [InlineData("""{ "priority": -1 }""", "999 failed to load netconf: \"ipam.priority\" must be a whole number from 0 to 2147483647, not -1")]
    [InlineData("""{ "daemonSocketPath": "run/dhcp.sock" }""", "7 ipam.daemonSocketPath must be an absolute path, not \"run/dhcp.sock\"")]
    [InlineData("""{ "daemonStateDir": 5 }""", "999 failed to load netconf: \"ipam.daemonStateDir\" must be a string, not 5")]
    [InlineData("""{ "daemonSocketPath": "/nonexistent/dhcp.sock" }""", "999 error dialing DHCP daemon: cannot reach the DHCP daemon at /nonexistent/dhcp.sock: No such file or directory: start it with")]
    public void Faults_are_named(string ipam, string expected) => Assert.StartsWith(expected, Run("ADD", ipam).Error, StringComparison.Ordinal);

    [Fact]
    public void Values_have_limits()
    {
        string longValue = new('x', 256), fits = new('x', 255);
        Assert.StartsWith("7 ipam.provide[0]: value for option 12 is larger than 255 bytes", Run("ADD", $$"""{ "provide": [{ "option": "12", "value": "{{longValue}}" }] }""").Error, StringComparison.Ordinal);
        string many = string.Join(", ", Enumerable.Range(200, 5).Select(code => $$"""{ "option": "{{code}}", "value": "{{fits}}" }"""));
        Assert.StartsWith("7 ipam.provide has 1285 bytes of options", Run("ADD", $$"""{ "provide": [{{many}}] }""").Error, StringComparison.Ordinal);
    }

    [Fact]
    public void DEL_and_GC_need_no_daemon_and_nothing_on_disk()
    {
        Assert.Equal(0, Run("DEL", """{ "daemonSocketPath": "/nonexistent/dhcp.sock" }""").Status);
        Assert.Equal(0, Run("GC", """{ "daemonSocketPath": "/nonexistent/dhcp.sock" }""").Status);
        Assert.StartsWith("50 error dialing", Run("STATUS", """{ "daemonSocketPath": "/nonexistent/dhcp.sock" }""").Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("10s", 10_000)]
    [InlineData("1m30s", 90_000)]
    [InlineData("1.5h", 5_400_000)]
    [InlineData("300ms", 300)]
    [InlineData("2m0.5s", 120_500)]
    [InlineData("+5s", 5_000)]
    [InlineData("0", 0)]
    [InlineData("10", null)]
    [InlineData("-1s", null)]
    [InlineData("s", null)]
    [InlineData("1d", null)]
    [InlineData("1s 2s", null)]
    [InlineData("1..5s", null)]
    [InlineData("", null)]
    [InlineData("9999999h", null)]
    public void Durations_are_those_of_Go(string text, int? milliseconds)
    {
        Assert.Equal(milliseconds is not null, GoDuration.TryParse(text, out var duration));
        Assert.Equal(milliseconds ?? 0, duration.TotalMilliseconds);
    }

    [Fact]
    public void A_file_name_is_of_one_attachment_and_never_too_long()
    {
        Assert.Equal("net:c1:eth0.json", new LeaseKey("net", "c1", "eth0").FileName);
        string a = new LeaseKey("net", new string('a', 300), "eth0").FileName, b = new LeaseKey("net", new string('a', 300), "eth1").FileName;
        Assert.NotEqual(a, b);
        Assert.InRange(a.Length, 1, 255);
        Assert.Equal(255, new LeaseKey("net", new string('a', 300), "eth0").ClientId.Length);
        Assert.Equal("\0c1/net/eth0"u8.ToArray(), new LeaseKey("net", "c1", "eth0").ClientId);
    }

    [Fact]
    public void A_lease_is_written_whole_and_found_again()
    {
        string directory = Directory.CreateTempSubdirectory("patchbay-dhcp-").FullName;
        try
        {
            var lease = new Lease
            {
                Key = new LeaseKey("net", "c1", "eth0"),
                Settings = new ClientSettings { ClientId = [0, 1], Request = [1, 3], Provide = [(12, [104])], Priority = 7, TakesMtu = true },
                Place = new LeasePlace { NetnsPath = "/run/netns/x", Device = 4, Inode = 0xf00000aa, LinkIndex = 2, Hardware = Messages.Mac },
                ServerHardware = Messages.Mac,
                Ack = Messages.Answer(DhcpMessageType.Ack, 5),
                BoundAt = TimeSpan.FromSeconds(5),
                BootId = "boot",
            };
            using var store = LeaseStore.TryOpen(directory)!;
            Assert.Null(LeaseStore.TryOpen(directory)); // locked
            store.Write(lease);
            store.Write(lease);
            Lease read = Assert.Single(store.Load(Assert.Fail));
            Assert.Equal(lease.ToJson(), read.ToJson());
            Assert.Equal((lease.Place, lease.BoundAt), (read.Place, read.BoundAt));

            // Half of a file is none, wherever it was cut; and a name must be that of the lease in it.
            byte[] whole = lease.ToJson();
            for (int length = 0; length < whole.Length - 2; length += 7)
                Assert.Throws<FormatException>(() => Lease.Parse(whole.AsMemory(0, length)));
            File.Copy(Path.Combine(directory, lease.Key.FileName), Path.Combine(directory, "net:other:eth0.json"));
            var notes = new List<string>();
            Assert.Single(store.Load(notes.Add));
            Assert.Contains("its name is not that", Assert.Single(notes), StringComparison.Ordinal);
            store.Remove(lease.Key);
            store.Remove(lease.Key);
            Assert.Empty(store.Load(notes.Add));
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static IpamCall Run(string command, string ipam) =>
        IpamCall.Run(new DhcpPlugin(), command, $$"""{ "cniVersion": "1.1.0", "name": "net", "type": "bridge", "ipam": {{ipam}} }""");
}
