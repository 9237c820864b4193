using System.Text;

namespace Patchbay.Bench.Subjects;

/// <summary>A CNI plugin, called as libcni calls it: environment, network configuration on standard input.</summary>
internal class CniSubject(string program, string variant, NetworkNamespace host, string plugin, string configuration, IReadOnlyList<string> operations)
    : Subject(program, variant, host)
{
    internal override IReadOnlyList<string> Operations => operations;

    /// <summary>The plugin's directory, where it finds its IPAM plugin.</summary>
    protected string Directory => Path.GetDirectoryName(plugin)!;

    internal override Command Call(string operation, Attachment attachment) =>
        Plugin(plugin, operation, attachment, WithResult(configuration, operation is "CHECK" or "DEL" ? attachment.AddResult : []));

    protected static byte[] WithResult(string configuration, byte[] result)
    {
        if (result.Length == 0)
            return Encoding.UTF8.GetBytes(configuration);
        return Encoding.UTF8.GetBytes(configuration.TrimEnd()[..^1] + ",\"prevResult\":" + Encoding.UTF8.GetString(result).TrimEnd() + "}");
    }

    protected Command Plugin(string file, string operation, Attachment attachment, byte[] input) => new(
        file,
        [],
        [
            Command.SearchPath,
            $"CNI_COMMAND={operation}",
            $"CNI_CONTAINERID={attachment.ContainerId}",
            $"CNI_NETNS={attachment.NetnsPath}",
            "CNI_IFNAME=eth0",
            "CNI_ARGS=",
            $"CNI_PATH={Directory}",
        ],
        input);
}
