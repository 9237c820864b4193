using System.Globalization;

namespace Patchbay.Bench.Subjects;

/// <summary>A chained plugin alone, on an attachment that the same program's bridge plugin makes and takes away outside the measurement.</summary>
internal sealed class ChainedSubject(
    string program, string variant, NetworkNamespace host, string plugin, string bridgeConfiguration, string configuration, IReadOnlyList<string> operations)
    : CniSubject(program, variant, host, plugin, configuration, operations)
{
    private readonly string _configuration = configuration;
    private readonly Dictionary<int, byte[]> _bridged = [];

    /// <summary>TCP ports 8080 and following.</summary>
    internal static string Mappings(int count) => string.Join(',', Enumerable.Range(0, count).Select(i => string.Create(
        CultureInfo.InvariantCulture, $$"""{"hostPort":{{8080 + i}},"containerPort":{{80 + i}},"protocol":"tcp"}""")));

    internal override Command Call(string operation, Attachment attachment) =>
        base.Call(operation, attachment) with { Input = WithResult(_configuration, _bridged[attachment.Index]) };

    internal override void Before(string operation, Attachment attachment)
    {
        if (operation == "ADD")
            _bridged[attachment.Index] = Spawn.Expect(Bridge("ADD", attachment, []));
    }

    internal override void After(string operation, Attachment attachment)
    {
        if (operation == "DEL")
            Spawn.Expect(Bridge("DEL", attachment, _bridged[attachment.Index]));
    }

    private Command Bridge(string operation, Attachment attachment, byte[] result) =>
        Plugin(Path.Combine(Directory, "bridge"), operation, attachment, WithResult(bridgeConfiguration, result));
}
