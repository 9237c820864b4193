using System.Text;
using System.Text.Json;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;

namespace Patchbay.Plugins.Tools;

/// <summary>The variables by which the tools are told of networks: NETCONFPATH, CNI_PATH, CNI_ARGS, CAP_ARGS.</summary>
/// <param name="environment">Where they are read.</param>
internal sealed class RuntimeVariables(PluginEnvironment environment)
{
    /// <summary>NETCONFPATH: the directory of network configurations.</summary>
    internal string ConfigurationDirectory => Value("NETCONFPATH") ?? "/etc/cni/net.d";

    /// <summary>CNI_PATH: the directories of plugins.</summary>
    internal string[] PluginPath => (Value("CNI_PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>CNI_ARGS: pairs for the plugins.</summary>
    /// <exception cref="CniException">Code 4: something in it is no pair.</exception>
    internal IReadOnlyList<KeyValuePair<string, string>> Args
    {
        get
        {
            List<KeyValuePair<string, string>> args = [];
            foreach (string pair in Value("CNI_ARGS")?.Split(';') ?? [])
            {
                string[] parts = pair.Split('=');
                if (parts is not [{ Length: > 0 }, { Length: > 0 }])
                    throw new CniException(CniError.InvalidEnvironment, $"invalid CNI_ARGS pair \"{pair}\": want KEY=VALUE;KEY=VALUE");
                args.Add(new(parts[0], parts[1]));
            }

            return args;
        }
    }

    /// <summary>CAP_ARGS: capability arguments by name.</summary>
    /// <exception cref="CniException">Code 4: it is no JSON object.</exception>
    internal IReadOnlyDictionary<string, JsonElement> CapabilityArgs
    {
        get
        {
            Dictionary<string, JsonElement> args = new(StringComparer.Ordinal);
            if (Value("CAP_ARGS") is not { } text)
                return args;
            try
            {
                foreach ((string name, JsonView value) in JsonView.Parse(Encoding.UTF8.GetBytes(text), "value").Pairs())
                    args[name] = value.Element;
                return args;
            }
            catch (Exception error) when (error is JsonException or CniException)
            {
                throw new CniException(CniError.InvalidEnvironment, $"invalid CAP_ARGS: {error.Message}", inner: error);
            }
        }
    }

    /// <summary>A variable; empty is as good as missing.</summary>
    /// <param name="name">Its name.</param>
    internal string? Value(string name) => environment.Variable(name) is { Length: > 0 } value ? value : null;
}
