using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json;
using Patchbay.Cni.Model;
using Patchbay.Plugins.Sockets;

namespace Patchbay.Plugins.Meta.Yggoverlay;

/// <summary>Asks the host's Yggdrasil node about itself over its admin socket: one connection, one question. The server has no time limit, so there is one here.</summary>
internal static class AdminClient
{
    private const int LongestAnswer = 1 << 20;

    /// <summary>Where builds of Yggdrasil listen unless told: Debian's and the project's packages, its sources, its Windows build and documentation.</summary>
    private static IReadOnlyList<StreamEndpoint> Usual =>
        [StreamEndpoint.TryParse("unix:///var/run/yggdrasil/yggdrasil.sock")!, StreamEndpoint.TryParse("unix:///var/run/yggdrasil.sock")!, StreamEndpoint.TryParse("tcp://localhost:9001")!];

    /// <summary>Asks the first endpoint that somebody listens at.</summary>
    /// <param name="configured">The only one to ask; null for the usual ones.</param>
    /// <param name="milliseconds">How long to wait in all.</param>
    /// <exception cref="CniException">Code 11: nobody listens, or answers in time; 999: the answer makes no sense.</exception>
    internal static NodeInfo Ask(StreamEndpoint? configured, int milliseconds)
    {
        var deadline = Environment.TickCount64 + milliseconds;
        var failures = new List<string>();
        foreach (var endpoint in configured is null ? Usual : [configured])
        {
            try
            {
                using var connection = StreamConnection.Connect(endpoint.Family, endpoint.Address, deadline, out var error);
                if (connection is not null)
                {
                    connection.Send(NodeInfo.Request);
                    return NodeInfo.Parse(Receive(connection, endpoint), endpoint.Text);
                }

                failures.Add($"{endpoint.Text}: {Marshal.GetPInvokeErrorMessage(error)}");
            }
            catch (TimeoutException)
            {
                throw new CniException(CniError.TryAgainLater, $"yggoverlay: the Yggdrasil node at {endpoint.Text} does not answer within {milliseconds} ms: is it hanging? Restart it, or raise \"timeoutMs\"");
            }
        }

        throw new CniException(CniError.TryAgainLater, $"yggoverlay: no Yggdrasil node answers on this host ({string.Join("; ", failures)}): start yggdrasil{(configured is null ? ", or set \"adminSocket\" to its AdminListen" : ", or correct \"adminSocket\"")}");
    }

    // The answer ends where its JSON value ends, or with the stream; some generations leave the connection open for a while.
    private static ReadOnlyMemory<byte> Receive(StreamConnection connection, StreamEndpoint endpoint)
    {
        var answer = new ArrayBufferWriter<byte>(4096);
        while (!IsComplete(answer.WrittenSpan))
        {
            if (answer.WrittenCount > LongestAnswer)
                throw NodeInfo.Nonsense(endpoint.Text, $"its answer is longer than {LongestAnswer} bytes");
            var count = connection.Receive(answer.GetSpan(4096));
            if (count == 0)
            {
                return answer.WrittenCount > 0 ? answer.WrittenMemory
                    : throw new CniException(CniError.TryAgainLater, $"yggoverlay: the Yggdrasil node at {endpoint.Text} hung up without an answer: is it starting or stopping?");
            }

            answer.Advance(count);
        }

        return answer.WrittenMemory;
    }

    private static bool IsComplete(ReadOnlySpan<byte> json)
    {
        // The brace that ends an object is the first byte at which a reader can be through.
        if (json.TrimEnd(" \r\n\t"u8) is not [.., (byte)'}'])
            return false;
        var reader = new Utf8JsonReader(json, isFinalBlock: false, default);
        try
        {
            while (reader.Read())
            {
                if (reader.CurrentDepth == 0 && reader.TokenType == JsonTokenType.EndObject)
                    return true;
            }
        }
        catch (JsonException)
        {
            return true; // the parser says what is wrong
        }

        return false;
    }
}
