using System.Text;

namespace Patchbay.Lab.Schema;

/// <summary>What may be a name: names become files, options and interfaces.</summary>
internal static class Names
{
    /// <summary>A name that the lab gives to a namespace of its own: a file below /run/netns.</summary>
    public static bool IsNode(string name) => IsContainer(name) && name.Length <= 60;

    /// <summary>What engines take as a container's or service's name.</summary>
    public static bool IsContainer(string name)
    {
        if (name.Length is 0 or > 128 || !char.IsAsciiLetterOrDigit(name[0]))
            return false;
        foreach (var c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('_' or '.' or '-'))
                return false;
        }

        return true;
    }

    /// <summary>Why a text is no name of an interface (net/core/dev.c, dev_valid_name); null when it is one.</summary>
    public static string? WhyNoDevice(string name)
    {
        if (Encoding.UTF8.GetByteCount(name) is var length and (0 or > 15))
            return $"expected a name of 1 to 15 bytes for an interface, found \"{name}\" of {length}";
        if (name is "." or "..")
            return $"expected a name for an interface, found \"{name}\"";
        foreach (var c in name)
        {
            if (char.IsWhiteSpace(c) || char.IsControl(c) || c is '/' or ':' or '%')
                return $"expected a name for an interface without white space, \"/\", \":\" and \"%\", found \"{name}\"";
        }

        return null;
    }
}
