using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Patchbay.Lab.Ovs;

/// <summary>Speaks with ovsdb-server: JSON-RPC over a Unix socket, RFC 7047. One call at a time.</summary>
internal sealed class OvsdbClient : IDisposable
{
    private const string Database = "Open_vSwitch";
    private const int MostBytes = 64 << 20;

    // For one change; ovs-vswitchd needs milliseconds.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly string _path;
    private readonly NetworkStream _stream;
    private readonly SemaphoreSlim _turn = new(1);
    private byte[] _buffer = new byte[16 * 1024];
    private int _filled;
    private long _lastId;

    private OvsdbClient(string path, Socket connection)
    {
        _path = path;
        _stream = new NetworkStream(connection, ownsSocket: true);
    }

    /// <summary>Connects.</summary>
    /// <exception cref="OvsdbException">Nobody listens.</exception>
    public static async Task<OvsdbClient> ConnectAsync(string path, CancellationToken cancellation)
    {
        try
        {
            return new OvsdbClient(path, await UnixSocket.ConnectAsync(path, cancellation).ConfigureAwait(false));
        }
        catch (Exception failure) when (failure is SocketException or IOException)
        {
            throw new OvsdbException($"no Open vSwitch at \"{path}\": {failure.Message}; ovsdb-server must run, and its socket be there", failure);
        }
    }

    /// <summary>Carries out operations, all or none (section 4.1.3).</summary>
    /// <returns>The result of each.</returns>
    /// <exception cref="OvsdbException">One was refused, or the connection broke.</exception>
    public async Task<JsonArray> TransactAsync(IReadOnlyList<JsonObject> operations, CancellationToken cancellation)
    {
        var results = (JsonArray)await CallAsync("transact", new JsonArray([Database, .. operations]), cancellation).ConfigureAwait(false);
        // Of a transaction that fails, the one that failed has an error, those after it are null; one that fails at the end has a further result.
        foreach (var result in results)
        {
            if (result is JsonObject each && each["error"] is { } error)
                throw new OvsdbException($"Open vSwitch at \"{_path}\" refused: {error}{(each["details"] is { } details ? $", {details}" : "")}") { Code = error.GetValue<string>() };
        }

        return results;
    }

    /// <summary>Waits until ovs-vswitchd has done what the database wants: <c>cur_cfg</c> has reached the value.</summary>
    /// <exception cref="OvsdbException">It does not, as when it does not run.</exception>
    public async Task AwaitConfigurationAsync(long wanted, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Patience);
        await _turn.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            var monitor = $"cur_cfg {_lastId}"; // a name of its own: one that was given up goes on
            var request = new JsonArray(Database, monitor, new JsonObject { ["Open_vSwitch"] = new JsonObject { ["columns"] = new JsonArray("cur_cfg") } });
            var id = await SendAsync("monitor", request, limit.Token).ConfigureAwait(false);
            var reached = Configuration(await AnswerAsync(id, limit.Token).ConfigureAwait(false));
            while (reached < wanted)
            {
                // A notification: the name of the monitor, then the rows that changed (section 4.1.6).
                var message = await ReceiveAsync(limit.Token).ConfigureAwait(false);
                if (message["method"]?.GetValue<string>() == "update" && message["params"] is JsonArray { Count: 2 } parameters)
                    reached = Math.Max(reached, Configuration(parameters[1]));
            }

            await AnswerAsync(await SendAsync("monitor_cancel", new JsonArray(monitor), limit.Token).ConfigureAwait(false), limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new OvsdbException($"Open vSwitch at \"{_path}\": ovs-vswitchd does not carry out what the database says, for {Patience.TotalSeconds} s now; it must run, its log tells more");
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose()
    {
        _stream.Dispose();
        _turn.Dispose();
    }

    private async Task<JsonNode> CallAsync(string method, JsonArray parameters, CancellationToken cancellation)
    {
        await _turn.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return await AnswerAsync(await SendAsync(method, parameters, cancellation).ConfigureAwait(false), cancellation).ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task<long> SendAsync(string method, JsonArray parameters, CancellationToken cancellation)
    {
        var id = ++_lastId;
        await WriteAsync(new JsonObject { ["method"] = method, ["params"] = parameters, ["id"] = id }, cancellation).ConfigureAwait(false);
        return id;
    }

    private async Task<JsonNode> AnswerAsync(long id, CancellationToken cancellation)
    {
        while (true)
        {
            var message = await ReceiveAsync(cancellation).ConfigureAwait(false);
            if (message["id"] is not JsonValue value || !value.TryGetValue(out long answered) || answered != id)
                continue; // a notification that nobody waits for any more
            if (message["error"] is { } error)
                throw new OvsdbException($"Open vSwitch at \"{_path}\" refused: {error.ToJsonString()}");
            return message["result"] ?? throw new OvsdbException($"Open vSwitch at \"{_path}\" answered with neither result nor error");
        }
    }

    /// <summary>The next message that is not an echo, by which the server asks whether we are alive (section 4.1.11).</summary>
    private async Task<JsonObject> ReceiveAsync(CancellationToken cancellation)
    {
        while (true)
        {
            var message = await ReadAsync(cancellation).ConfigureAwait(false);
            if (message["method"]?.GetValue<string>() != "echo")
                return message;
            await WriteAsync(new JsonObject { ["result"] = message["params"]?.DeepClone(), ["error"] = null, ["id"] = message["id"]?.DeepClone() }, cancellation).ConfigureAwait(false);
        }
    }

    private async Task WriteAsync(JsonObject message, CancellationToken cancellation)
    {
        try
        {
            await _stream.WriteAsync(System.Text.Encoding.UTF8.GetBytes(message.ToJsonString()), cancellation).ConfigureAwait(false);
        }
        catch (IOException failure)
        {
            throw Broken(failure.Message, failure);
        }
    }

    // Messages follow one another with nothing in between.
    private async Task<JsonObject> ReadAsync(CancellationToken cancellation)
    {
        while (true)
        {
            if (TakeMessage() is { } message)
                return message;
            if (_filled == _buffer.Length)
                Array.Resize(ref _buffer, _buffer.Length < MostBytes ? _buffer.Length * 2 : throw Broken($"a message of more than {MostBytes} bytes", null));
            int got;
            try
            {
                got = await _stream.ReadAsync(_buffer.AsMemory(_filled), cancellation).ConfigureAwait(false);
            }
            catch (IOException failure)
            {
                throw Broken(failure.Message, failure);
            }

            if (got == 0)
                throw Broken("ovsdb-server closed the connection", null);
            _filled += got;
        }
    }

    private JsonObject? TakeMessage()
    {
        try
        {
            var reader = new Utf8JsonReader(_buffer.AsSpan(0, _filled), isFinalBlock: false, default);
            if (_filled == 0 || !JsonDocument.TryParseValue(ref reader, out var document))
                return null;
            using (document)
            {
                var message = JsonObject.Create(document.RootElement.Clone())!; // throws for anything but an object
                var used = (int)reader.BytesConsumed;
                _buffer.AsSpan(used, _filled - used).CopyTo(_buffer);
                _filled -= used;
                return message;
            }
        }
        catch (Exception damage) when (damage is JsonException or InvalidOperationException)
        {
            throw Broken($"a message that cannot be understood: {damage.Message}", damage);
        }
    }

    private OvsdbException Broken(string why, Exception? inner) => new($"Open vSwitch at \"{_path}\": {why}", inner);

    private static long Configuration(JsonNode? tables) =>
        tables?["Open_vSwitch"] is JsonObject rows && rows.Select(row => row.Value?["new"]?["cur_cfg"]).FirstOrDefault(value => value is not null) is { } reached ? reached.GetValue<long>() : -1;
}
