namespace Patchbay.Plugins.Tools.Garden;

/// <summary>The command line that Garden composes: <c>--configFile F --action A --handle H</c>. Flags are those of Go: one hyphen or two, a value after a space or an equals sign.</summary>
internal sealed class NetworkerArguments
{
    private readonly Dictionary<string, string> _values = [];
    private readonly List<string> _extra = [];

    /// <summary>The file; the first thing that must be there, for it says how errors are told.</summary>
    internal string ConfigFile => Required("configFile");

    internal string Handle => Required("handle");

    internal string Action => Required("action");

    /// <exception cref="NetworkerException">A flag is unknown, or has no value.</exception>
    internal static NetworkerArguments Read(ReadOnlySpan<string> arguments)
    {
        var read = new NetworkerArguments();
        for (var i = 0; i < arguments.Length; i++)
        {
            var argument = arguments[i];
            if (argument.Length < 2 || argument[0] != '-' || argument == "--")
            {
                // Flags end at the first word that is none.
                read._extra.AddRange(arguments[(argument == "--" ? i + 1 : i)..]);
                break;
            }

            var text = argument.TrimStart('-');
            var equals = text.IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? text : text[..equals];
            if (name is not ("configFile" or "handle" or "action"))
                throw new NetworkerException($"parse args: flag provided but not defined: -{name}");
            if (equals < 0 && i + 1 == arguments.Length)
                throw new NetworkerException($"parse args: flag needs an argument: -{name}");
            read._values[name] = equals < 0 ? arguments[++i] : text[(equals + 1)..];
        }

        return read;
    }

    /// <exception cref="NetworkerException">There is more than flags.</exception>
    internal void RefuseExtra()
    {
        if (_extra.Count > 0)
            throw new NetworkerException($"parse args: unexpected extra args: [{string.Join(' ', _extra)}]");
    }

    private string Required(string name) =>
        _values.TryGetValue(name, out var value) && value.Length > 0 ? value : throw new NetworkerException($"parse args: missing required flag '{name}'");
}
