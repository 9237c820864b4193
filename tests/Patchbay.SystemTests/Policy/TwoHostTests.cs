using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Overlay;

namespace Patchbay.SystemTests.Policy;

/// <summary>Two hosts with containers of the same apps, and a policy server on PostgreSQL: every cell of the matrix is tried by a real connection, on one host and across.</summary>
public sealed class TwoHostTests : IDisposable
{
    private static readonly string[] Ports = ["tcp/80", "tcp/81", "tcp/999", "tcp/1500", "tcp/2001", "udp/80", "udp/999", "udp/1500", "udp/2001"];
    private static readonly string[] Policies = ["a b tcp 80", "a c udp 1000-2000", "b c tcp 1000-2000", "c a udp 80", "b b tcp 81"];
    private static readonly (string Name, string App, int Cell)[] Containers = [("a1", "a", 1), ("b1", "b", 1), ("c1", "c", 1), ("a2", "a", 2), ("b2", "b", 2), ("c2", "c", 2)];

    private readonly Traffic _traffic = new();
    private readonly PostgresServer _postgres;
    private readonly PolicyHost _server;
    private readonly List<Cell> _cells = [];
    private PolicyServerProcess _process, _controller;
    private string[] _allowed = Policies;

    public TwoHostTests()
    {
        Needs.Program("python3");
        Needs.VxlanGroupPolicy();
        Needs.BridgeNetfilter();
        _postgres = new PostgresServer();
        _server = PolicyHost.Create(_postgres, "192.0.2.1", "127.0.0.1");
        _server.Host.Run(["sh", "-ec", "ip link add sw0 type bridge; ip addr add 192.0.2.1/24 dev sw0; ip link set sw0 up"]).Check();
        _server.Configuration["internal_listen_host"] = "0.0.0.0";
        _process = _server.Start();
        _server.Allow(Policies);
        _controller = StartController();
        for (int number = 1; number <= 2; number++)
            _cells.Add(new Cell(_server, _traffic, number));
        foreach ((string name, string app, int cell) in Containers)
        {
            _cells[cell - 1].Up(name, app);
            _traffic.Serve(name, Ports);
        }

        Poll();
        Meet();
    }

    public void Dispose()
    {
        try
        {
            _cells.ForEach(each => each.Dispose());
            _server.Dispose();
        }
        finally
        {
            _postgres.Dispose();
        }
    }

    [Fact]
    public void Connections_are_what_the_policies_say_and_follow_them_within_one_poll()
    {
        AssertMatrix("at first");

        _server.Revoke("a b tcp 80", "b c tcp 1000-2000");
        _server.Allow("a b tcp 81", "c b udp 1000-1499", "c b udp 1400-1600", "c a tcp 1-65535");
        _allowed = [.. Policies.Except(["a b tcp 80", "b c tcp 1000-2000"]), "a b tcp 81", "c b udp 1000-1600", "c a tcp 1-65535"];
        Poll();
        AssertMatrix("after a change");

        // Containers come, and go without a trace.
        _cells[0].Down("b1");
        _cells[1].Up("b3", "b");
        _traffic.Serve("b3", Ports);
        Assert.Equal(["b3:tcp/81"], _traffic.Reached("a1", [.. Ports.Select(each => $"b3:{each}")]));
        Assert.Equal(["b3:tcp/81"], _traffic.Reached("a2", [.. Ports.Select(each => $"b3:{each}")]));
        _cells[1].Down("b3");
        Poll();
        Assert.DoesNotContain(_traffic.AddressOf("b3"), _cells[1].Host.Run("nft", "list", "ruleset").Check().StandardOutput, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_opens_and_nothing_is_cut_while_everything_restarts_in_turn()
    {
        string[] watched = ["b1:tcp/80=yes", "b2:tcp/80=yes", "b1:tcp/81=no", "b2:tcp/81=no", "c2:udp/1500=yes", "c2:udp/80=no"];
        Traffic.Conversation fromA = _traffic.Watch("a1", watched), fromC = _traffic.Watch("c2", "a1:tcp/80=no", "b1:tcp/80=no", "a1:udp/80=yes");
        Traffic.HeldConnection across = _traffic.Hold("a1", "b2", 80), within = _traffic.Hold("a1", "b1", 80);
        Holds("at first", () => { });
        Holds("the server stops", () => Assert.Equal(0, _process.Stop()));
        Holds("agents ask in vain", () => _cells.ForEach(each => each.Agent.Poll().Is(500)));
        Holds("the first agent is killed and starts without a server", () => Restart(_cells[0]));
        Holds("the server starts again", () => _process = _server.Start());
        Holds("agents ask again", Poll);
        Holds("the database crashes", _postgres.Crash);
        Holds("the second agent is killed and starts without a database behind the server", () => Restart(_cells[1]));
        Holds("the server is killed", _process.Kill);
        Holds("both come back", () =>
        {
            _postgres.Restart();
            _process = _server.Start();
            Poll();
        });
        Holds("both agents start again", () => _cells.ForEach(Restart));
        Holds("the overlay's controller is killed", _controller.Kill);
        Holds("an overlay agent is killed and starts without a controller", () =>
        {
            _cells[0].Overlay.Kill();
            _cells[0].StartOverlay();
        });
        Holds("the controller comes back", () => _controller = StartController());
        Holds("the other overlay agent starts again", () =>
        {
            Assert.Equal(0, _cells[1].Overlay.Stop());
            _cells[1].StartOverlay();
        });
        AssertMatrix("after restarts of programs");

        void Holds(string what, Action act)
        {
            act();
            Assert.True(fromA.Ask() == "ok", $"{what}: from a1 {fromA.Ask()}");
            Assert.True(fromC.Ask() == "ok", $"{what}: from c2 {fromC.Ask()}");
            Assert.True(across.Works() && within.Works(), what);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_host_that_restarts_has_the_same_policies_and_the_other_one_does_not_mind(int restarted)
    {
        Cell cell = _cells[restarted - 1];
        (string stays, string otherStays) = restarted == 1 ? ("a2", "b2") : ("a1", "b1");
        Traffic.Conversation watch = _traffic.Watch(stays, $"{otherStays}:tcp/80=yes", $"{otherStays}:tcp/81=no");
        Assert.Equal("ok", watch.Ask());
        cell.Restart();
        foreach ((string name, _, _) in Containers.Where(each => each.Cell == restarted))
            _traffic.Serve(name, Ports);
        Meet();
        Assert.Equal("ok", watch.Ask());
        AssertMatrix($"host {restarted} has restarted");
    }

    [Fact]
    public void A_revoked_connection_ends_on_both_hosts_whoever_speaks_first()
    {
        foreach (Cell cell in _cells)
        {
            cell.Agent.Process.Stop();
            cell.Agent.Configuration["cut_revoked_connections"] = true;
            cell.Agent.Start();
        }

        _server.Allow("a b udp 9");
        Poll();
        Traffic.Conversation pusher = _traffic.Push("b2", 9), flow = _traffic.Flow("a1", "b2", 9);
        Traffic.HeldConnection across = _traffic.Hold("a1", "b2", 80), within = _traffic.Hold("a1", "b1", 80);
        Assert.True(flow.Ask() == "yes" && across.Works() && within.Works());
        _server.Revoke("a b udp 9", "a b tcp 80");
        Poll();

        // The sender's host knows the flow as established: what b still sends would be let in there, and would be the beginning of a new one on b's host.
        Assert.Equal("sent", pusher.Ask());
        Assert.Equal("no", flow.Ask());
        Assert.False(across.Works() || within.Works());
        Assert.Equal("no", flow.Ask());
    }

    [Fact]
    public void Explain_tells_on_each_host_what_it_decides()
    {
        string to = _traffic.AddressOf("b2"), from = _traffic.AddressOf("a1");
        CommandResult Explain(int cell, params string[] ends) => _cells[cell].Host.Run([PolicyHost.Executable, "policy", "explain", "--datastore", _cells[cell].Cloud.Datastore, .. ends]);
        Assert.Contains("another host's agent decides, by the mark", Explain(0, "a1", to, "80").Check().StandardOutput, StringComparison.Ordinal);
        Assert.Contains("only with the mark 0x0001 (app a) it is accepted; without, by map containers, the CNI wrapper's, with chain overlay-", Explain(1, from, "b2", "80").StandardOutput, StringComparison.Ordinal);
        Assert.Equal(2, Explain(1, from, "b2", "81").ExitCode);
        Assert.Contains("map containers, the CNI wrapper's", Explain(0, "a1", "b1", "82").StandardOutput, StringComparison.Ordinal);
        Explain(0, "a1", "b1", "80").Check();
    }

    private static void Restart(Cell cell)
    {
        cell.Agent.Process.Kill();
        cell.Agent.Start();
    }

    private PolicyServerProcess StartController()
    {
        string file = Path.Combine(_server.Host.Directory, "controller.json");
        File.WriteAllText(file, """{ "listen_host": "192.0.2.1" }""");
        return PolicyServerProcess.Start(
            _server.Host, [PolicyHost.Executable, "overlay", "controller", "--config", file, "--certs", _server.Certs, "--database", Path.Combine(_server.Host.Directory, "leases.db")]);
    }

    private void Meet() => OverlayHosts.Eventually(() => _cells[0].HasWayTo(_cells[1]) && _cells[1].HasWayTo(_cells[0]), "the hosts to know one another", _cells[0].Overlay);

    private void Poll() => _cells.ForEach(each => each.Agent.Poll().Is(200));

    private void AssertMatrix(string when)
    {
        var wrong = new List<string>();
        foreach ((string source, string app, _) in Containers)
        {
            string[] cells = [.. Containers.Where(each => each.Name != source).SelectMany(each => Ports.Select(port => $"{each.Name}:{port}"))];
            string[] expected = [.. cells.Where(cell => _allowed.Any(policy => Allows(policy, app, cell)))];
            string[] reached = _traffic.Reached(source, cells);
            wrong.AddRange(expected.Except(reached).Select(each => $"{source} does not reach {each}"));
            wrong.AddRange(reached.Except(expected).Select(each => $"{source} reaches {each}"));
        }

        Assert.True(wrong.Count == 0, $"{when}: {string.Join("; ", wrong)}\n{string.Join('\n', _cells.Select(each => each.Host.Run("nft", "list", "ruleset").StandardOutput))}");
    }

    private static bool Allows(string policy, string source, string cell)
    {
        string[] words = policy.Split(' '), parts = cell.Split(':', '/'), ports = words[3].Split('-');
        int port = int.Parse(parts[2], null);
        return words[0] == source && words[1] == parts[0][..1] && words[2] == parts[1] && int.Parse(ports[0], null) <= port && port <= int.Parse(ports[^1], null);
    }
}
