using System.Text;

namespace Patchbay.Plugins.Ipam.Dhcp.Protocol;

/// <summary>Names of domains that a server sends. They end up in resolv.conf(5), so only letters, digits, <c>-</c>, <c>_</c> and dots pass.</summary>
internal static class DomainNames
{
    private const int MaxLength = 253;

    /// <summary>Option 15: a name as text, perhaps with a zero at the end.</summary>
    /// <returns>The name, or null when it is none.</returns>
    internal static string? Single(byte[]? value) => value is null ? null : Checked(Encoding.Latin1.GetString(value).TrimEnd('\0', ' '));

    /// <summary>Option 119: names in the form and with the compression of RFC 1035 section 4.1.4, counted from the option's first byte.</summary>
    /// <returns>The names up to the first that is malformed.</returns>
    internal static List<string> List(byte[]? value)
    {
        var names = new List<string>();
        for (int at = 0; value is not null && at < value.Length;)
        {
            if (Read(value, ref at) is not { } name)
                break;
            if (Checked(name) is { } good && !names.Contains(good))
                names.Add(good);
        }

        return names;
    }

    private static string? Read(byte[] value, ref int at)
    {
        var name = new StringBuilder();
        int position = at;
        bool jumped = false;
        while (position < value.Length)
        {
            int length = value[position++];
            if (!jumped)
                at = position;
            switch (length >> 6)
            {
                case 0 when length == 0:
                    return name.ToString();
                case 0 when position + length <= value.Length && name.Length + length < MaxLength:
                    if (name.Length > 0)
                        name.Append('.');
                    name.Append(Encoding.Latin1.GetString(value, position, length));
                    position += length;
                    if (!jumped)
                        at = position;
                    break;
                case 3 when position < value.Length:
                    int target = (length & 0x3f) << 8 | value[position];
                    if (!jumped)
                        at = position + 1;
                    if (target >= position - 1)
                        return null; // only backwards, so it ends
                    jumped = true;
                    position = target;
                    break;
                default:
                    return null;
            }
        }

        return null;
    }

    private static string? Checked(string name)
    {
        name = name.TrimEnd('.');
        if (name.Length is 0 or > MaxLength || name[0] is '.' or '-')
            return null;
        foreach (char c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.'))
                return null;
        }

        return name.Contains("..", StringComparison.Ordinal) ? null : name;
    }
}
