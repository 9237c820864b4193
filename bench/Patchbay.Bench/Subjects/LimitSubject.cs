namespace Patchbay.Bench.Subjects;

/// <summary>The C program that makes the kernel requests of an attachment and nothing else (bench/limit).</summary>
internal sealed class LimitSubject(NetworkNamespace host, string file, string dataDirectory, bool masquerade)
    : Subject(Peers.Limit, masquerade ? "nftables" : "", host)
{
    internal override IReadOnlyList<string> Operations => ["ADD", "DEL"];

    internal override Command Call(string operation, Attachment attachment)
    {
        var (high, low) = ((attachment.Index + 1) >> 8, (attachment.Index + 1) & 0xff);
        string[] arguments =
        [
            operation == "ADD" ? "add" : "del", attachment.NetnsPath, dataDirectory, "cni0", $"10.88.{high}.{low}", $"fd88::{attachment.Index + 1:x}",
        ];
        return new Command(file, masquerade ? [.. arguments, "masq"] : arguments, [Command.SearchPath], []);
    }
}
