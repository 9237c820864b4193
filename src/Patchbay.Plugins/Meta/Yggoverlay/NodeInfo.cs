using System.Net;
using System.Text.Json;
using Patchbay.Cni.Model;

namespace Patchbay.Plugins.Meta.Yggoverlay;

/// <summary>What a node tells of itself.</summary>
/// <param name="Address">Its own address, of 200::/8; null when it tells none.</param>
/// <param name="Subnet">The /64 that it routes.</param>
internal sealed record NodeInfo(IPAddress? Address, IPNetwork Subnet)
{
    /// <summary>What is asked. The empty object is for 0.4.5 and 0.4.6, which want one; the generations before overlook it.</summary>
    internal static ReadOnlySpan<byte> Request => "{\"request\":\"getSelf\",\"arguments\":{}}\n"u8;

    /// <summary>Reads the answer of any generation: 0.3 and 0.4.0 to 0.4.4 have the node under "self" by its address, later ones as the response itself.</summary>
    /// <param name="json">The answer.</param>
    /// <param name="from">Who answered, for errors.</param>
    /// <exception cref="CniException">It is an error, or makes no sense.</exception>
    internal static NodeInfo Parse(ReadOnlyMemory<byte> json, string from)
    {
        JsonView answer;
        try
        {
            answer = JsonView.Parse(json, "answer");
        }
        catch (Exception error) when (error is JsonException or CniException)
        {
            throw Nonsense(from, error.Message, error);
        }

        return Read(answer, from);
    }

    private static NodeInfo Read(JsonView answer, string from)
    {
        if (Text(answer, "status") is not "success")
            throw Nonsense(from, Error(answer) is { } why ? $"it says: {why}" : "its status is not \"success\"");
        if (Child(answer, "response") is not { } node)
            throw Nonsense(from, "it has no \"response\"");
        var address = Text(node, "address");
        if (Child(node, "self") is { } self)
        {
            KeyValuePair<string, JsonView>[] nodes = [.. self.Pairs()];
            if (nodes is not [{ Value.Element.ValueKind: JsonValueKind.Object } own])
                throw Nonsense(from, $"it names {nodes.Length} nodes as itself");
            (address, node) = (own.Key, own.Value);
        }

        if (Text(node, "subnet") is not { } subnet)
            throw Nonsense(from, "it has no \"subnet\"");
        return MeshAddress.ParseSubnet(subnet) is { } parsed
            ? new NodeInfo(address is null ? null : IpText.TryParse(address), parsed)
            : throw new CniException(CniError.Internal, $"yggoverlay: the Yggdrasil node at {from} says that its subnet is \"{Shown(subnet)}\", which is not a /64 of 300::/8: is another program listening there? Set \"adminSocket\" to the node's AdminListen");
    }

    // 0.4.0 to 0.4.4 have the text inside the response.
    private static string? Error(JsonView answer) => (Text(answer, "error") ?? (Child(answer, "response") is { } response ? Text(response, "error") : null)) is { } text ? $"\"{Shown(text)}\"" : null;

    private static JsonView? Child(JsonView view, string key) => view.Get(key) is { Element.ValueKind: JsonValueKind.Object } child ? child : null;

    private static string? Text(JsonView view, string key) => view.Get(key) is { Element.ValueKind: JsonValueKind.String } text ? text.AsString() : null;

    private static string Shown(string text) => text.Length <= 100 ? text : string.Concat(text.AsSpan(0, 97), "...");

    internal static CniException Nonsense(string from, string why, Exception? inner = null) =>
        new(CniError.Internal, $"yggoverlay: what answers at {from} does not speak as a Yggdrasil node does: {why}. Set \"adminSocket\" to the node's AdminListen", inner: inner);
}
