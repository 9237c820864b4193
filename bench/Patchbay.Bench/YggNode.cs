using System.Text;
using System.Text.Json.Nodes;

namespace Patchbay.Bench;

/// <summary>A Yggdrasil node, the distribution's daemon, in a namespace that plays its host.</summary>
internal sealed class YggNode : IDisposable
{
    private readonly Background _daemon;

    private YggNode(NetworkNamespace host, string address, string adminSocket, Background daemon)
    {
        (Host, Address, AdminSocket) = (host, address, adminSocket);
        _daemon = daemon;
    }

    internal static bool IsInstalled => Command.Locate("yggdrasil") is not null;

    internal NetworkNamespace Host { get; }

    /// <summary>The node's own address, on the interface ygg0.</summary>
    internal string Address { get; }

    internal string AdminSocket { get; }

    /// <summary>Two hosts at the ends of a cable, and a node on each that knows the other.</summary>
    internal static (YggNode One, YggNode Two) Pair(Session session)
    {
        NetworkNamespace one = session.Workspace.NewHost("host-ygg-one"), two = session.Workspace.NewHost("host-ygg-two");
        one.Run(() =>
        {
            Ip("link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", two.Path);
            Ip("addr", "add", "192.0.2.1/24", "dev", "cable");
            return Ip("link", "set", "cable", "up");
        });
        two.Run(() =>
        {
            Ip("addr", "add", "192.0.2.2/24", "dev", "cable");
            return Ip("link", "set", "cable", "up");
        });
        var first = Start(session, one, "Listen");
        try
        {
            var second = Start(session, two, "Peers");
            // The mesh is there once one answers the other.
            for (var tries = 0; one.Run(() => Spawn.Run(Command.Of("ping", "-c", "1", "-W", "1", second.Address))).ExitCode != 0; tries++)
            {
                if (tries == 30)
                {
                    second.Dispose();
                    throw new BenchException("two Yggdrasil nodes do not find each other");
                }
            }

            return (first, second);
        }
        catch
        {
            first.Dispose();
            throw;
        }
    }

    public void Dispose() => _daemon.Dispose();

    private static YggNode Start(Session session, NetworkNamespace host, string connection)
    {
        var file = session.Workspace.NewPath("yggdrasil");
        var config = JsonNode.Parse(Spawn.Expect(Command.Of("yggdrasil", "-genconf", "-json")))!.AsObject();
        (config["AdminListen"], config["IfName"], config["MulticastInterfaces"]) = ($"unix://{file}.sock", "ygg0", new JsonArray());
        config[connection] = new JsonArray("tcp://192.0.2.1:7743");
        File.WriteAllText(file, config.ToJsonString());
        var address = Encoding.UTF8.GetString(Spawn.Expect(Command.Of("yggdrasil", "-useconffile", file, "-address"))).Trim();
        var daemon = Background.Start(
            host,
            _ => File.Exists($"{file}.sock") && host.Run(() => Encoding.UTF8.GetString(Spawn.Expect(Command.Of("ip", "-6", "addr", "show")))).Contains(address, StringComparison.Ordinal),
            "yggdrasil", "-useconffile", file);
        return new YggNode(host, address, $"unix://{file}.sock", daemon);
    }

    private static byte[] Ip(params string[] arguments) => Spawn.Expect(Command.Of("ip", arguments));
}
