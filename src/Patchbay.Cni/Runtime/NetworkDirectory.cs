using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;

namespace Patchbay.Cni.Runtime;

/// <summary>Finds networks in a directory such as <c>/etc/cni/net.d</c>.</summary>
public static class NetworkDirectory
{
    private const int MaxBytes = 16 << 20;

    /// <summary>Loads the network of that name: the first <c>*.conflist</c> file by name that has it, else the first <c>*.conf</c> or <c>*.json</c>.</summary>
    /// <param name="directory">The directory; its subdirectories are not searched.</param>
    /// <param name="name">Name of the network.</param>
    /// <returns>The network, drop-in files included.</returns>
    /// <exception cref="CniException">Code 7: no such network, or a file before it that cannot be understood; the text names the file.</exception>
    public static NetworkList Load(string directory, string name)
    {
        string[] lists = Files(directory, IsList), singles = Files(directory, IsSingle);
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

    /// <summary>Loads every network of a directory: lists in the order of their files' names, then files of one plugin in theirs.</summary>
    /// <param name="directory">The directory; its subdirectories are not searched.</param>
    /// <returns>The networks, drop-in files included. Where two have one name, <see cref="Load"/> finds the first.</returns>
    /// <exception cref="CniException">Code 5 to 7: a file that cannot be read or understood; the text names it.</exception>
    public static IReadOnlyList<NetworkList> LoadAll(string directory) => [.. ConfigurationFiles(directory).Select(LoadFile)];

    /// <summary>The files of a directory that hold networks, in the order of <see cref="LoadAll"/>.</summary>
    /// <param name="directory">The directory.</param>
    /// <returns>Their paths.</returns>
    public static IReadOnlyList<string> ConfigurationFiles(string directory) => [.. Files(directory, IsList), .. Files(directory, IsSingle)];

    /// <summary>Loads a network from a file.</summary>
    /// <param name="file">A <c>*.conflist</c>, <c>*.conf</c> or <c>*.json</c> file.</param>
    /// <returns>The network, drop-in files included.</returns>
    /// <exception cref="CniException">Code 5 to 7: the file cannot be read or understood; the text names it.</exception>
    public static NetworkList LoadFile(string file) =>
        IsList(file) ? WithDropIns(file, In(file, NetworkList.Read)) : In(file, NetworkList.ParseSingle);

    private static NetworkList WithDropIns(string file, NetworkList list)
    {
        list = list.With(DropIns(file, list).Select(dropIn => In(dropIn, NetworkList.ParseSingle).Plugins[0]));
        return list.Plugins.Count > 0 ? list : throw new CniException(CniError.InvalidNetworkConfig, $"{file}: no plugin configs found");
    }

    /// <summary>The files whose plugins are appended to the chain of a list: <c>DIRECTORY OF THE LIST/NETWORK/*.conf</c> (specification 1.1.0).</summary>
    internal static string[] DropIns(string file, NetworkList list)
    {
        if (list.LoadOnlyInlinedPlugins)
            return [];
        Validation.NetworkName(list.Name); // it is about to become a path
        return Files(Path.Combine(Path.GetDirectoryName(file) ?? "", list.Name), static file => Path.GetExtension(file) == ".conf");
    }

    internal static bool IsList(string file) => Path.GetExtension(file) == ".conflist";

    internal static bool IsSingle(string file) => Path.GetExtension(file) is ".conf" or ".json";

    /// <summary>The text of a configuration: of a regular file, since a pipe would be waited for, and of a size that a configuration can have.</summary>
    internal static ReadOnlyMemory<byte> ReadFile(string file)
    {
        try
        {
            if (FileIdentity.Of(file) is { IsRegular: false })
                throw new CniException(CniError.IoFailure, $"cannot read network configuration: {file} is not a regular file");
            return new FileInfo(file).Length <= MaxBytes
                ? File.ReadAllBytes(file)
                : throw new CniException(CniError.IoFailure, $"cannot read network configuration: {file} has more than {MaxBytes >> 20} MiB");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CniException(CniError.IoFailure, $"cannot read network configuration: {error.Message}", inner: error);
        }
    }

    private static NetworkList In(string file, Func<ReadOnlyMemory<byte>, NetworkList> parse)
    {
        ReadOnlyMemory<byte> json = ReadFile(file);
        try
        {
            return parse(json);
        }
        catch (CniException error)
        {
            throw new CniException(error.Code, $"{file}: {error.Message}", error.Details, error);
        }
    }

    private static string[] Files(string directory, Func<string, bool> wanted)
    {
        try
        {
            return Directory.Exists(directory) ? [.. Directory.EnumerateFiles(directory).Where(wanted).Order(StringComparer.Ordinal)] : [];
        }
        catch (UnauthorizedAccessException error)
        {
            throw new CniException(CniError.IoFailure, $"cannot read network configurations: {error.Message}", inner: error);
        }
    }
}
