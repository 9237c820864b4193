using System.Text;

namespace Patchbay.Cni.Model;

/// <summary>Rules for the names that come from outside and end up in paths, rules and device names.</summary>
public static class Validation
{
    private const int MaxInterfaceNameBytes = 15; // IFNAMSIZ less the terminating zero

    /// <summary>A container id begins with a letter or digit and goes on with those, <c>_</c>, <c>.</c> and <c>-</c>.</summary>
    /// <param name="id">The id.</param>
    /// <exception cref="CniException">Code 4, details the id; code 3 when it is empty.</exception>
    public static void ContainerId(string id)
    {
        if (string.IsNullOrEmpty(id))
            throw new CniException(CniError.UnknownContainer, "missing containerID");
        if (!IsIdentifier(id))
            throw new CniException(CniError.InvalidEnvironment, "invalid characters in containerID", id);
    }

    /// <summary>A network name follows the same rule as a container id.</summary>
    /// <param name="name">The name.</param>
    /// <exception cref="CniException">Code 7, details the name.</exception>
    public static void NetworkName(string name)
    {
        if (string.IsNullOrEmpty(name))
            throw new CniException(CniError.InvalidNetworkConfig, "missing network name");
        if (!IsIdentifier(name))
            throw new CniException(CniError.InvalidNetworkConfig, "invalid characters found in network name", name);
    }

    /// <summary>An interface name has 1 to 15 bytes, is neither <c>.</c> nor <c>..</c>, and has no <c>/</c>, <c>:</c> or white space (the kernel's dev_valid_name()).</summary>
    /// <param name="name">The name.</param>
    /// <exception cref="CniException">Code 4.</exception>
    public static void InterfaceName(string name)
    {
        if (string.IsNullOrEmpty(name))
            throw new CniException(CniError.InvalidEnvironment, "interface name is empty");
        if (Encoding.UTF8.GetByteCount(name) > MaxInterfaceNameBytes)
            throw new CniException(CniError.InvalidEnvironment, "interface name is too long", $"interface name should be less than 16 characters, got \"{name}\"");
        if (name is "." or "..")
            throw new CniException(CniError.InvalidEnvironment, "interface name is . or ..");
        foreach (char c in name)
            if (c is '/' or ':' || char.IsWhiteSpace(c))
                throw new CniException(CniError.InvalidEnvironment, "interface name contains / or : or whitespace characters", name);
    }

    /// <summary>A plugin's name becomes a file name below CNI_PATH, so it has no path separator.</summary>
    /// <param name="type">The name.</param>
    /// <exception cref="CniException">Code 999.</exception>
    public static void PluginType(string type)
    {
        if (string.IsNullOrEmpty(type))
            throw new CniException(CniError.Internal, "no plugin name provided");
        if (type.Contains('/', StringComparison.Ordinal) || type.Contains('\0', StringComparison.Ordinal) || type is "." or "..")
            throw new CniException(CniError.Internal, $"invalid plugin name: {type}");
    }

    private static bool IsIdentifier(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (!char.IsAsciiLetterOrDigit(c) && (i == 0 || c is not ('_' or '.' or '-')))
                return false;
        }

        return true;
    }
}
