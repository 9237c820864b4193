using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Plugins;

namespace Patchbay.SystemTests.CloudFoundry;

/// <summary>The lines that the wrapper's rules make the kernel log, read in its log.</summary>
public sealed class WrapperLogTests : IDisposable
{
    private readonly CloudHost _cloud = new();

    public void Dispose() => _cloud.Dispose();

    [Theory]
    [InlineData("nftables")]
    [InlineData("iptables")]
    public void What_is_accepted_denied_and_beyond_the_limit_is_in_the_kernels_log(string backend)
    {
        Needs.KernelLog();
        // The log is one for all tests; the name is this one's. Prefixes are cut after 28 characters.
        string id = $"log-{Guid.NewGuid().ToString("N")[..10]}";
        string config = _cloud.Wrapper($$"""
            { "backend": "{{backend}}", "iptables_asg_logging": true, "iptables_c2c_logging": true, "iptables_denied_logs_per_sec": 100, "outbound_connections": { "limit": true, "logging": true, "burst": 1, "rate_per_sec": 1 },
              "runtimeConfig": { "netOutRules": [{ "protocol": 1, "networks": [{ "start": "192.0.2.1" }], "ports": [{ "start": 8080 }] }, { "protocol": 2, "networks": [{ "start": "192.0.2.1" }], "ports": [{ "start": 53 }] }] } }
            """);
        TestNamespace web = _cloud.Host.AddContainer();
        string address = new Plugin(_cloud.Host, "cni-wrapper-plugin").Add(web, config, containerId: id).Check().Json.GetProperty("ips")[0].GetProperty("address").GetString()!.Split('/')[0];
        _cloud.Outside.Run("ip", "route", "add", "10.255.30.0/24", "via", CloudHost.HostAddress).Check();

        using (EchoServer.Tcp(_cloud.Outside, 8080))
        using (EchoServer.Udp(_cloud.Outside, 53))
        {
            Assert.NotNull(EchoServer.AskTcp(web, CloudHost.OutsideAddress, 8080));
            Assert.NotNull(EchoServer.AskUdp(web, CloudHost.OutsideAddress, 53));
            Assert.Null(EchoServer.AskUdp(web, CloudHost.OutsideAddress, 54));
            Assert.Null(EchoServer.AskTcp(_cloud.Outside, address, 8081));
            for (int connection = 0; connection < 10; connection++) // more than one a second
                EchoServer.AskTcp(web, CloudHost.OutsideAddress, 8080);
        }

        string[] log = [.. Command.Run(["dmesg"]).Check().StandardOutput.Split('\n').Where(line => line.Contains(id, StringComparison.Ordinal))];
        Logged($"OK_{id} ", $"SRC={address} DST={CloudHost.OutsideAddress} ", "PROTO=TCP ", "DPT=8080 ");
        Logged($"OK_{id} ", $"SRC={address} ", "PROTO=UDP ", "DPT=53 ");
        Logged($"DENY_{id} ", $"SRC={address} ", "PROTO=UDP ", "DPT=54 ");
        Logged($"DENY_C2C_{id} ", $"SRC={CloudHost.OutsideAddress} DST={address} ", "DPT=8081 ");
        Logged($"DENY_ORL_{id} ", $"SRC={address} ", "DPT=8080 ");

        void Logged(params string[] parts) =>
            Assert.True(log.Any(line => parts.All(part => line.Contains(part, StringComparison.Ordinal))), $"not logged: {string.Join(" … ", parts)} in\n{string.Join('\n', log)}");
    }

    [Fact]
    public void Packets_meet_the_rules_that_log()
    {
        string config = _cloud.Wrapper("""
            { "iptables_asg_logging": true, "iptables_c2c_logging": true, "runtimeConfig": { "netOutRules": [{ "protocol": 1, "networks": [{ "start": "192.0.2.1" }], "ports": [{ "start": 8080 }] }] } }
            """);
        TestNamespace web = _cloud.Host.AddContainer();
        string address = new Plugin(_cloud.Host, "cni-wrapper-plugin").Add(web, config, containerId: "web").Check().Json.GetProperty("ips")[0].GetProperty("address").GetString()!.Split('/')[0];
        _cloud.Outside.Run("ip", "route", "add", "10.255.30.0/24", "via", CloudHost.HostAddress).Check();
        _cloud.Host.Run(["nft", "-f", "-"], "table ip traced { chain packets { type filter hook prerouting priority -400; meta nftrace set 1; }; }").Check();

        Assert.Contains("log prefix \"OK_web \" (verdict continue)", Traced(() => EchoServer.AskTcp(web, CloudHost.OutsideAddress, 8080), "OK_web"), StringComparison.Ordinal);
        Assert.Contains("log prefix \"DENY_web \" (verdict continue)", Traced(() => EchoServer.AskTcp(web, CloudHost.OutsideAddress, 9000), "DENY_web"), StringComparison.Ordinal);
        Assert.Contains("log prefix \"DENY_C2C_web \" (verdict continue)", Traced(() => EchoServer.AskTcp(_cloud.Outside, address, 8081), "DENY_C2C_web"), StringComparison.Ordinal);
    }

    // What nft monitor tells of the packets that an action makes, until it tells of a rule.
    private string Traced(Action action, string until)
    {
        System.Diagnostics.Process monitor = _cloud.Host.Start(["stdbuf", "-oL", "nft", "monitor", "trace"]);
        var seen = new List<string>();
        using var limit = new CancellationTokenSource(Command.DefaultLimit);
        // It tells of packets once it listens, so they are sent until one is told of.
        Task sending = Task.Run(() =>
        {
            while (!limit.IsCancellationRequested)
                action();
        });
        while (!seen.Exists(line => line.Contains(until, StringComparison.Ordinal)) && monitor.StandardOutput.ReadLineAsync(limit.Token).AsTask().GetAwaiter().GetResult() is { } line)
            seen.Add(line);
        limit.Cancel();
        sending.GetAwaiter().GetResult();
        monitor.Kill(); // the host has it in its list, and disposes of it
        return string.Join('\n', seen);
    }
}
