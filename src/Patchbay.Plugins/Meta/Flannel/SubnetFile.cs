using System.Globalization;
using System.Text;
using Patchbay.Cni.Model;

namespace Patchbay.Plugins.Meta.Flannel;

/// <summary>What flanneld has leased for this host, as it writes it down: lines <c>KEY=value</c>.</summary>
internal sealed class SubnetFile
{
    private const int LargestFile = 64 * 1024;

    private SubnetFile(string path) => Path = path;

    internal string Path { get; }

    /// <summary>FLANNEL_NETWORK, then FLANNEL_IPV6_NETWORK: all that the other hosts' containers are in.</summary>
    internal List<IpPrefix> Networks { get; } = [];

    /// <summary>FLANNEL_SUBNET: this host's containers, host bits taken off.</summary>
    internal IpPrefix? Subnet { get; private set; }

    /// <summary>FLANNEL_IPV6_SUBNET.</summary>
    internal IpPrefix? Subnet6 { get; private set; }

    /// <summary>FLANNEL_MTU: what the overlay lets through.</summary>
    internal int Mtu { get; private set; }

    /// <summary>FLANNEL_IPMASQ: flanneld itself masquerades, so the plugins need not.</summary>
    internal bool IpMasq { get; private set; }

    /// <summary>Reads the file.</summary>
    /// <exception cref="CniException">Code 11: it is missing, or not all of it is there yet; also when it says what it cannot mean.</exception>
    internal static SubnetFile Read(string path)
    {
        string text;
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 1);
            var bytes = new byte[LargestFile + 1];
            var length = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            if (length > LargestFile)
                throw new IOException($"it is larger than {LargestFile / 1024} KiB");
            text = Encoding.UTF8.GetString(bytes, 0, length);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new CniException(CniError.TryAgainLater, $"failed to load flannel 'subnet.env' file: {Told(path, error)}. Check the flannel pod log for this node.", inner: error);
        }

        return Parse(path, text);
    }

    /// <summary>Reads the file's text.</summary>
    /// <exception cref="CniException">As for <see cref="Read"/>.</exception>
    internal static SubnetFile Parse(string path, string text)
    {
        var file = new SubnetFile(path);
        bool mtu = false, masquerade = false;
        var number = 0;
        foreach (var raw in text.Split('\n'))
        {
            number++;
            var line = raw.Trim();
            var equals = line.IndexOf('=', StringComparison.Ordinal);
            var key = equals < 0 ? line : line[..equals].TrimEnd();
            if (!key.StartsWith("FLANNEL_", StringComparison.Ordinal))
                continue;
            var value = equals < 0 ? "" : line[(equals + 1)..].Trim();
            switch (key)
            {
                case "FLANNEL_NETWORK": file.AddNetworks(value, ipv4: true, Invalid); break;
                case "FLANNEL_IPV6_NETWORK": file.AddNetworks(value, ipv4: false, Invalid); break;
                case "FLANNEL_SUBNET": file.Subnet = Network(value, ipv4: true, Invalid); break;
                case "FLANNEL_IPV6_SUBNET": file.Subnet6 = Network(value, ipv4: false, Invalid); break;
                case "FLANNEL_MTU":
                    // 65535 is the most that a bridge or veth takes (ETH_MAX_MTU)
                    file.Mtu = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var parsed) && parsed is >= 68 and <= 65535 ? parsed : throw Invalid("an MTU from 68 to 65535");
                    mtu = true;
                    break;
                case "FLANNEL_IPMASQ":
                    // Anything else may be the first half of it.
                    file.IpMasq = value == "true" || (value == "false" ? false : throw Invalid("\"true\" or \"false\""));
                    masquerade = true;
                    break;
            }

            CniException Invalid(string wanted) => new(
                CniError.TryAgainLater,
                equals < 0 ? $"{path}, line {number}: {key} has no value: it should be {wanted}. Is the file half written? Check the flannel pod log for this node."
                    : $"{path}, line {number}: {key} should be {wanted}, not \"{value}\". Is the file half written? Check the flannel pod log for this node.");
        }

        var missing = new List<string>();
        if (file.Networks.Count == 0)
            missing.AddRange(["FLANNEL_NETWORK", "FLANNEL_IPV6_NETWORK"]);
        if (file.Subnet is null && file.Subnet6 is null)
            missing.AddRange(["FLANNEL_SUBNET", "FLANNEL_IPV6_SUBNET"]);
        if (!mtu)
            missing.Add("FLANNEL_MTU");
        if (!masquerade)
            missing.Add("FLANNEL_IPMASQ");
        return missing.Count == 0 ? file : throw new CniException(CniError.TryAgainLater, $"{path} is missing {string.Join(", ", missing)}. Check the flannel pod log for this node.");
    }

    private void AddNetworks(string list, bool ipv4, Func<string, CniException> invalid)
    {
        foreach (var text in list.Split(','))
        {
            var network = Network(text.Trim(), ipv4, invalid);
            if (!Networks.Contains(network))
                Networks.Add(network);
        }
    }

    private static IpPrefix Network(string text, bool ipv4, Func<string, CniException> invalid) =>
        IpPrefix.TryParse(text, out var prefix) && prefix.IsIPv4 == ipv4
            ? new IpPrefix(prefix.Network.BaseAddress, prefix.PrefixLength)
            : throw invalid(ipv4 ? "an IPv4 network such as 10.244.0.0/16" : "an IPv6 network such as fd00:244::/48");

    private static string Told(string path, Exception error) => error is FileNotFoundException or DirectoryNotFoundException ? $"open {path}: no such file or directory" : $"{path}: {error.Message}";
}
