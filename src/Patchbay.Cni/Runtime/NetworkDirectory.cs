using Patchbay.Cni.Model;

namespace Patchbay.Cni.Runtime;

/// <summary>Finds networks in a directory such as <c>/etc/cni/net.d</c>.</summary>
public static class NetworkDirectory
{
    /// <summary>Loads the network of that name: the first <c>*.conflist</c> file by name that has it, else the first <c>*.conf</c> or <c>*.json</c>.</summary>
    /// <param name="directory">The directory; its subdirectories are not searched.</param>
    /// <param name="name">Name of the network.</param>
    /// <returns>The network, drop-in files included.</returns>
    /// <exception cref="CniException">Code 7: no such network, or a file before it that cannot be understood; the text names the file.</exception>
    public static NetworkList Load(string directory, string name)
    {
        string[] lists = Files(directory, ".conflist"), singles = Files(directory, ".conf", ".json");
        foreach (string file in lists)
            if (In(file, NetworkList.Read) is { } list && list.Name == name)
                return WithDropIns(file, list);
        foreach (string file in singles)
            if (In(file, NetworkList.ParseSingle) is { } list && list.Name == name)
                return list;

        throw new CniException(
            CniError.InvalidNetworkConfig,
            lists.Length + singles.Length == 0 ? $"no net configurations found in {directory}" : $"no net configuration with name \"{name}\" in {directory}");
    }

    /// <summary>Loads a network from a file.</summary>
    /// <param name="file">A <c>*.conflist</c>, <c>*.conf</c> or <c>*.json</c> file.</param>
    /// <returns>The network, drop-in files included.</returns>
    /// <exception cref="CniException">Code 5 to 7: the file cannot be read or understood; the text names it.</exception>
    public static NetworkList LoadFile(string file) =>
        file.EndsWith(".conflist", StringComparison.Ordinal) ? WithDropIns(file, In(file, NetworkList.Read)) : In(file, NetworkList.ParseSingle);

    // Specification 1.1.0: <directory of the list>/<network>/*.conf are appended to the chain.
    private static NetworkList WithDropIns(string file, NetworkList list)
    {
        if (!list.LoadOnlyInlinedPlugins)
        {
            Validation.NetworkName(list.Name); // it is about to become a path
            string directory = Path.Combine(Path.GetDirectoryName(file) ?? "", list.Name);
            list = list.With(Files(directory, ".conf").Select(dropIn => In(dropIn, NetworkList.ParseSingle).Plugins[0]));
        }

        return list.Plugins.Count > 0 ? list : throw new CniException(CniError.InvalidNetworkConfig, $"{file}: no plugin configs found");
    }

    private static NetworkList In(string file, Func<ReadOnlyMemory<byte>, NetworkList> parse)
    {
        try
        {
            return parse(File.ReadAllBytes(file));
        }
        catch (CniException error)
        {
            throw new CniException(error.Code, $"{file}: {error.Message}", error.Details, error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CniException(CniError.IoFailure, $"cannot read network configuration: {error.Message}", inner: error);
        }
    }

    private static string[] Files(string directory, params string[] endings)
    {
        if (!Directory.Exists(directory))
            return [];
        List<string> files = [];
        foreach (string file in Directory.EnumerateFiles(directory))
            if (Array.IndexOf(endings, Path.GetExtension(file)) >= 0)
                files.Add(file);
        files.Sort(StringComparer.Ordinal);
        return [.. files];
    }
}
