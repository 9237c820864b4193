using System.Globalization;
using System.Text.Json;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Cni.Runtime;
using Patchbay.Plugins.Interfaces;
using Patchbay.Plugins.Meta.Wrapper;

namespace Patchbay.Plugins.Tools.Garden;

/// <summary>The networks of a container and their plugins: eth0 for the first one, eth1 for the next.</summary>
internal sealed class NetworkerNetworks
{
    private const string PortMappings = "portMappings";

    private readonly string _handle;
    private readonly CniRuntime _runtime;
    private readonly IReadOnlyList<NetworkList> _lists;

    private NetworkerNetworks(string handle, CniRuntime runtime, IReadOnlyList<NetworkList> lists) => (_handle, _runtime, _lists) = (handle, runtime, lists);

    /// <summary>Loads the networks of the configuration's directory.</summary>
    /// <param name="config">Which era: every <c>*.conf</c> (2016), or the first <c>*.conflist</c>, else the first <c>*.conf</c>.</param>
    /// <param name="handle">The container.</param>
    /// <param name="environment">Variables and streams.</param>
    internal static NetworkerNetworks Load(NetworkerConfig config, string handle, PluginEnvironment environment)
    {
        var runtime = new CniRuntime
        {
            PluginPath = [config.PluginDirectory],
            Cache = new ResultCache(config.CacheDirectory),
            Variables = () => Variables(config, environment),
            Error = environment.Error,
            Limit = config.Limit,
            BuiltIn = environment.BuiltIn,
        };
        var files = NetworkDirectory.ConfigurationFiles(config.ConfigDirectory);
        string[] lists = [.. files.Where(file => file.EndsWith(".conflist", StringComparison.Ordinal))], singles = [.. files.Where(file => file.EndsWith(".conf", StringComparison.Ordinal))];
        if (config.MakesRules && singles.Length > 0)
            return new NetworkerNetworks(handle, runtime, [.. singles.Select(NetworkDirectory.LoadFile)]);
        string[] found = lists.Length > 0 ? lists : singles;
        if (found.Length > 1)
            PluginHost.Note(environment, $"{config.LogPrefix}: warning: {config.ConfigDirectory} has more than one network; only {Path.GetFileName(found[0])} is used");
        return new NetworkerNetworks(handle, runtime, [.. found.Take(1).Select(NetworkDirectory.LoadFile)]);
    }

    /// <summary>ADD for each network in turn; when one fails, those before it and its own part are undone.</summary>
    /// <param name="netns">The container's namespace.</param>
    /// <param name="input">What Garden told.</param>
    /// <param name="ports">The mapped ports; null where rules are not the plugins' business.</param>
    /// <param name="undo">Learns how to undo it.</param>
    /// <returns>The last network's result.</returns>
    internal CniResult Add(string netns, NetworkerInput input, IReadOnlyList<NetIn>? ports, Rollback undo)
    {
        CniResult? result = null;
        for (var i = 0; i < _lists.Count; i++)
        {
            var list = Injected(_lists[i], input, ports);
            var attachment = Attachment(IfName(i), netns, ports ?? []);
            undo.Push(() => _runtime.Delete(list, attachment));
            result = _runtime.Add(list, attachment);
        }

        return result ?? throw new NetworkerException("up: no network configuration found in cni_config_dir");
    }

    /// <summary>DEL for every network that the container has, the last one first: by the files of today, and by what is remembered of those that are gone.</summary>
    internal void Delete(string netns, Cleanup cleanup)
    {
        var remembered = _runtime.Cache.List(containerId: _handle).OrderByDescending(each => each.Attachment.IfName, StringComparer.Ordinal).ToList();
        foreach (var each in remembered)
        {
            cleanup.Step(() =>
            {
                var list = _lists.FirstOrDefault(list => list.Name == each.NetworkName) ?? NetworkList.Parse(each.Config);
                _runtime.Delete(list, Attachment(each.Attachment.IfName, netns, []));
            });
        }

        for (var i = _lists.Count - 1; i >= 0; i--)
        {
            var (list, ifName) = (_lists[i], IfName(i));
            if (!remembered.Exists(each => each.NetworkName == list.Name))
                cleanup.Step(() => _runtime.Delete(list, Attachment(ifName, netns, [])));
        }
    }

    /// <summary>A network with what plugins are told of the container: of every era, for a plugin may be of any.</summary>
    internal static NetworkList Injected(NetworkList list, NetworkerInput input, IReadOnlyList<NetIn>? ports) => NetworkList.Parse(WrittenJson.Of(writer =>
    {
        writer.WriteStartObject();
        foreach (var (key, value) in JsonView.Parse(list.Json, "configuration").Pairs())
        {
            if (!WrittenJson.IsOneOf(key, "plugins"))
                WrittenJson.Copy(writer, key, value.Element);
        }

        writer.WriteStartArray("plugins"u8);
        foreach (var plugin in list.Plugins)
            Inject(writer, plugin, input, ports);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }));

    private static void Inject(Utf8JsonWriter writer, NetworkPlugin plugin, NetworkerInput input, IReadOnlyList<NetIn>? ports)
    {
        var properties = input.Properties;
        writer.WriteStartObject();
        foreach (var (key, value) in plugin.Root.Pairs())
        {
            var replaced = (properties is not null && WrittenJson.IsOneOf(key, "network", "metadata")) || (ports is not null && WrittenJson.IsOneOf(key, "runtimeConfig"));
            if (!replaced)
                WrittenJson.Copy(writer, key, value.Element);
        }

        if (properties is { } known)
        {
            writer.WriteStartObject("network"u8);
            WrittenJson.Copy(writer, "properties", known.Element);
            writer.WriteEndObject();
            WrittenJson.Copy(writer, "metadata", known.Element);
        }

        if (ports is not null)
        {
            writer.WriteStartObject("runtimeConfig"u8);
            writer.WriteStartArray(PortMappings);
            foreach (var port in ports)
            {
                writer.WriteStartObject();
                writer.WriteNumber("host_port"u8, port.HostPort);
                writer.WriteNumber("container_port"u8, port.ContainerPort);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteStartArray("netOutRules"u8);
            foreach (var rule in input.NetOutRules)
                rule.Element.WriteTo(writer);
            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
    }

    // A plugin that declares the capability, as portmap does, gets the ports in the words of CNI's conventions.
    private Attachment Attachment(string ifName, string netns, IReadOnlyList<NetIn> ports)
    {
        var mappings = string.Join(',', ports.Select(port => string.Create(CultureInfo.InvariantCulture, $$"""{"hostPort":{{port.HostPort}},"containerPort":{{port.ContainerPort}},"protocol":"tcp"}""")));
        return new Attachment
        {
            ContainerId = _handle,
            NetnsPath = netns,
            IfName = ifName,
            CapabilityArgs = ports.Count == 0 ? new Dictionary<string, JsonElement>() : new() { [PortMappings] = JsonDocument.Parse($"[{mappings}]").RootElement },
        };
    }

    // What plugins delegate to is limited as they are.
    private static IEnumerable<KeyValuePair<string, string>> Variables(NetworkerConfig config, PluginEnvironment environment)
    {
        if (string.IsNullOrEmpty(environment.Variable(PluginDelegate.TimeoutVariable)))
            yield return new(PluginDelegate.TimeoutVariable, config.Limit.TotalSeconds.ToString(CultureInfo.InvariantCulture));
        foreach (var variable in environment.Variables())
            yield return variable;
    }

    private static string IfName(int index) => string.Create(CultureInfo.InvariantCulture, $"eth{index}");
}
