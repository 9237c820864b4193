using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Patchbay.Lab.Ovs;

namespace Patchbay.Tests.Lab.Ovs;

/// <summary>What an ovsdb-server may do on the wire, which a quiet one seldom does; RFC 7047.</summary>
public sealed class OvsdbClientTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("ovsdb-").FullName;
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    public OvsdbClientTests()
    {
        _listener.Bind(new UnixDomainSocketEndPoint(Path));
        _listener.Listen();
    }

    private string Path => System.IO.Path.Combine(_directory, "db.sock");

    public void Dispose()
    {
        _listener.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task Answers_come_in_pieces_and_after_questions_of_the_server()
    {
        var server = Serve(async (connection, request) =>
        {
            Assert.Equal("""["Open_vSwitch",{"op":"comment","comment":"x"}]""", request["params"]!.ToJsonString());
            // A notification and an echo at once, then the answer byte by byte.
            await Send(connection, """{"method":"update","params":["old",{}],"id":null}{"method":"echo","params":[7],"id":"echo"}""");
            Assert.Equal("""{"result":[7],"error":null,"id":"echo"}""", (await Receive(connection)).ToJsonString());
            foreach (var letter in $$"""{"id":{{request["id"]}},"result":[{"rows":[{"name":"ü{\"}"}]}],"error":null}""")
                await Send(connection, letter.ToString());
        });
        using var client = await OvsdbClient.ConnectAsync(Path, default);
        var results = await client.TransactAsync([new JsonObject { ["op"] = "comment", ["comment"] = "x" }], default);
        Assert.Equal("ü{\"}", results[0]!["rows"]![0]!["name"]!.GetValue<string>());
        await server;
    }

    [Theory]
    [InlineData("""{"id":ID,"result":[{},{"error":"constraint violation","details":"no such column"},null],"error":null}""", "constraint violation, no such column")]
    [InlineData("""{"id":ID,"result":null,"error":"unknown database"}""", "unknown database")]
    [InlineData("""{"id":ID}""", "neither result nor error")]
    [InlineData("""[1]""", "cannot be understood")]
    [InlineData("""nonsense""", "cannot be understood")]
    [InlineData("""{"id":""", "closed the connection")]
    [InlineData("", "closed the connection")]
    public async Task Refusals_and_nonsense_are_told(string answer, string text)
    {
        var server = Serve(async (connection, request) => await Send(connection, answer.Replace("ID", request["id"]!.ToJsonString(), StringComparison.Ordinal)));
        using var client = await OvsdbClient.ConnectAsync(Path, default);
        Assert.Contains(text, (await Assert.ThrowsAsync<OvsdbException>(() => client.TransactAsync([], default))).Message, StringComparison.Ordinal);
        await server;
    }

    [Fact]
    public async Task Configuration_is_waited_for()
    {
        var server = Serve(async (connection, request) =>
        {
            Assert.Equal("monitor", request["method"]!.GetValue<string>());
            await Send(connection, $$"""{"id":{{request["id"]}},"result":{"Open_vSwitch":{"uuid":{"new":{"cur_cfg":4} } } },"error":null}""");
            await Send(connection, """{"method":"update","params":["cur_cfg",{"Open_vSwitch":{"uuid":{"old":{"cur_cfg":4},"new":{"cur_cfg":5} } } }],"id":null}""");
            await Send(connection, """{"method":"update","params":["cur_cfg",{"Open_vSwitch":{"uuid":{"old":{"cur_cfg":5},"new":{"cur_cfg":7} } } }],"id":null}""");
            var cancel = await Receive(connection);
            Assert.Equal("monitor_cancel", cancel["method"]!.GetValue<string>());
            await Send(connection, $$"""{"id":{{cancel["id"]}},"result":{},"error":null}""");
        });
        using var client = await OvsdbClient.ConnectAsync(Path, default);
        await client.AwaitConfigurationAsync(6, default);
        await server;
    }

    [Fact]
    public async Task Nobody_listens() =>
        Assert.Contains("no Open vSwitch at", (await Assert.ThrowsAsync<OvsdbException>(() => OvsdbClient.ConnectAsync(Path + ".none", default))).Message, StringComparison.Ordinal);

    private async Task Serve(Func<Socket, JsonObject, Task> answer)
    {
        using var connection = await _listener.AcceptAsync();
        await answer(connection, await Receive(connection));
    }

    private static async Task<JsonObject> Receive(Socket connection)
    {
        var buffer = new byte[4096];
        var length = await connection.ReceiveAsync(buffer);
        return (JsonObject)JsonNode.Parse(buffer.AsSpan(0, length))!;
    }

    private static Task<int> Send(Socket connection, string text) => connection.SendAsync(Encoding.UTF8.GetBytes(text));
}
