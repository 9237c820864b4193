using System.Text.Json;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Policy;

namespace Patchbay.SystemTests.Overlay;

/// <summary>The controller's API over real TLS, by curl: paths, statuses and texts of the reference.</summary>
public sealed class OverlayControllerTests : IDisposable
{
    private readonly OverlayHosts _hosts = new();

    public void Dispose() => _hosts.Dispose();

    [Theory]
    [InlineData(PolicyDatabase.Sqlite)]
    [InlineData(PolicyDatabase.Postgres)]
    public void Leases_are_acquired_renewed_listed_and_released(string kind)
    {
        using PolicyDatabase database = PolicyDatabase.Create(kind);
        PolicyServerProcess controller = _hosts.StartController(database.Configuration(_hosts.One.Directory));

        JsonElement lease = _hosts.Ask("PUT", "/leases/acquire", """{ "underlay_ip": "10.0.3.1", "single_overlay_ip": false }""").Is(200).Json;
        Assert.Equal(["underlay_ip", "overlay_subnet", "overlay_hardware_addr"], lease.EnumerateObject().Select(each => each.Name));
        Assert.StartsWith("ee:ee:0a:ff:", lease.GetProperty("overlay_hardware_addr").GetString(), StringComparison.Ordinal);
        Assert.Equal(lease.GetRawText(), _hosts.Ask("PUT", "/leases/acquire", """{ "underlay_ip": "10.0.3.1" }""").Is(200).Body);
        Assert.Equal($$"""{"leases":[{{lease.GetRawText()}}]}""", _hosts.Ask("GET", "/leases").Is(200).Body);
        Assert.Equal("{}", _hosts.Ask("PUT", "/leases/renew", lease.GetRawText()).Is(200).Body);

        Assert.Equal(0, controller.Stop());
        _hosts.StartController(database.Configuration(_hosts.One.Directory));
        Assert.Equal([$"10.0.3.1 {lease.GetProperty("overlay_subnet")}"], _hosts.Leases());
        Assert.Equal("{}", _hosts.Ask("PUT", "/leases/release", """{ "underlay_ip": "10.0.3.1" }""").Is(200).Body);
        Assert.Equal("{}", _hosts.Ask("PUT", "/leases/release", """{ "underlay_ip": "10.0.3.1" }""").Is(200).Body);
        Assert.Equal("""{"leases":[]}""", _hosts.Ask("GET", "/leases").Is(200).Body);
    }

    [Fact]
    public void What_is_refused_has_the_references_statuses_and_texts()
    {
        _hosts.StartController(more: new() { ["network"] = "10.255.0.0/22", ["subnet_prefix_length"] = 23 });
        string only = _hosts.Ask("PUT", "/leases/acquire", """{ "underlay_ip": "10.0.3.1" }""").Is(200).Body;

        _hosts.Ask("PUT", "/leases/acquire", """{ "underlay_ip": "10.0.3.2" }""").IsError(409, "no lease available");
        _hosts.Ask("PUT", "/leases/acquire", """{ "underlay_ip": "banana" }""").IsError(500, "invalid ip address: banana");
        _hosts.Ask("PUT", "/leases/renew", only.Replace("/23", "/24", StringComparison.Ordinal)).IsError(409, $"renew-subnet-lease: lease mismatch: 10.0.3.1 has 10.255.2.0/23 (ee:ee:0a:ff:02:00)");
        _hosts.Ask("PUT", "/leases/renew", only.Replace("10.0.3.1", "10.0.3.2", StringComparison.Ordinal)).IsError(409, "renew-subnet-lease: 10.255.2.0/23 belongs to 10.0.3.1");
        Assert.Contains("renew-subnet-lease: overlay_subnet", _hosts.Ask("PUT", "/leases/renew", """{ "underlay_ip": "10.0.3.1" }""").Is(409).Body, StringComparison.Ordinal);
        foreach (string body in (string[])["", "null", "[", "[]", """{ "underlay_ip": 7 }"""])
            Assert.Contains("unmarshal-request: ", _hosts.Ask("PUT", "/leases/acquire", body).Is(400).Body, StringComparison.Ordinal);
        _hosts.Ask("PUT", "/leases/acquire", new string(' ', 100_000)).Is(400);
        _hosts.Ask("GET", "/nothing").Is(404);
        _hosts.Ask("POST", "/leases").Is(405);
        Assert.Single(_hosts.Leases());
    }

    [Fact]
    public void Without_a_certificate_nobody_is_answered_and_the_health_port_is_this_hosts()
    {
        _hosts.StartController();
        _hosts.Ask("PUT", "/leases/acquire", """{ "underlay_ip": "10.0.3.1" }""").Is(200);

        string[] curl = ["curl", "-sS", "-i", "--max-time", "60", "--cacert", $"{_hosts.Certs}/ca.crt"];
        Assert.NotEqual(0, _hosts.Two.Run([.. curl, "https://192.0.2.1:4103/leases"]).ExitCode);
        Assert.NotEqual(0, _hosts.Two.Run([.. curl, "--cert", $"{_hosts.Certs}/server.crt", "--key", $"{_hosts.Certs}/server.key", "https://192.0.2.1:4103/leases"]).ExitCode);
        Assert.NotEqual(0, _hosts.Two.Run([.. curl, "http://192.0.2.1:19683/health"]).ExitCode);
        HttpAnswer.Parse(_hosts.One.Run([.. curl, "http://127.0.0.1:19683/health"])).Is(200);
        string metrics = HttpAnswer.Parse(_hosts.One.Run([.. curl, "http://127.0.0.1:19683/metrics"])).Is(200).Body;
        foreach (string line in (string[])["patchbay_overlay_total_leases 1", "patchbay_overlay_free_leases 254", "patchbay_overlay_stale_leases 0", "patchbay_overlay_acquire_total{outcome=\"success\"} 1"])
            Assert.Contains($"\n{line}\n", metrics, StringComparison.Ordinal);
        _hosts.Ask("GET", "/metrics").Is(404);
    }

    [Fact]
    public void A_database_that_is_away_is_told_and_comes_back()
    {
        _hosts.StartController();
        _hosts.Ask("PUT", "/leases/acquire", """{ "underlay_ip": "10.0.3.1" }""").Is(200);
        File.Move(_hosts.LeaseDatabase, $"{_hosts.LeaseDatabase}.away");

        _hosts.Ask("GET", "/leases").IsError(500, "database failed");
        _hosts.Ask("PUT", "/leases/acquire", """{ "underlay_ip": "10.0.3.2" }""").IsError(500, "database failed");
        HttpAnswer.Parse(_hosts.One.Run("curl", "-sS", "-i", "http://127.0.0.1:19683/health")).Is(500);

        File.Move($"{_hosts.LeaseDatabase}.away", _hosts.LeaseDatabase);
        Assert.Single(_hosts.Leases());
    }

    [Fact]
    public void The_examples_are_understood()
    {
        foreach ((string command, string example, string told) in ((string, string, string)[])
            [("agent", "agent.json", "ca_cert_file: /etc/patchbay/certs/ca.crt is not there"), ("controller", "controller.json", "ca_cert_file: /etc/patchbay/certs/ca.crt is not there")])
        {
            CommandResult ended = _hosts.One.Run(PolicyHost.Executable, "overlay", command, "--config", Repository.PathOf($"examples/overlay/{example}"));
            Assert.Contains(told, ended.StandardError, StringComparison.Ordinal);
        }

        File.Copy(Repository.PathOf("examples/overlay/leases.json"), _hosts.LeaseFile);
        _hosts.StartAgent(1);
        Assert.Equal("10.255.30.0/24", _hosts.Subnet(1));
    }
}
