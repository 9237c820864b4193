namespace Patchbay.SystemTests.Harness;

/// <summary>A CNI plugin as a runtime calls it: a program, CNI_* variables, the configuration on standard input; in the host's namespace.</summary>
/// <param name="host">The host that it runs on.</param>
/// <param name="type">Its name in a configuration.</param>
/// <param name="directory">Where its executable is, and CNI_PATH; <see cref="OursDirectory"/> when null.</param>
internal sealed class Plugin(TestHost host, string type, string? directory = null)
{
    /// <summary>The plugins under test: the published ones, or those that PATCHBAY_CNI_BIN points to.</summary>
    public static string OursDirectory { get; } =
        Environment.GetEnvironmentVariable("PATCHBAY_CNI_BIN") is { Length: > 0 } told ? told : Path.Combine(Repository.Root, "out/cni");

    /// <summary>Skips a test of plugins that are not built: neither published into out/cni nor pointed to.</summary>
    public static void NeedsOurs(params string[] types)
    {
        foreach (string type in types)
        {
            string file = Path.Combine(OursDirectory, type);
            bool answers = File.Exists(file)
                && Command.Run([file], "{}", new Dictionary<string, string?> { ["CNI_COMMAND"] = "VERSION" }).ExitCode == 0;
            Assert.SkipUnless(answers, $"needs the plugin {file}; run make build, or set PATCHBAY_CNI_BIN");
        }
    }

    /// <summary>Its name in a configuration.</summary>
    public string Type => type;

    public string Directory { get; } = directory ?? OursDirectory;

    public PluginResult Add(
        TestNamespace container, string config, string ifName = "eth0", string? containerId = null, string? args = null) =>
        Invoke("ADD", config, containerId ?? container.Name, container.Path, ifName, args);

    public PluginResult Delete(
        TestNamespace container, string config, string ifName = "eth0", string? containerId = null, string? args = null) =>
        Invoke("DEL", config, containerId ?? container.Name, container.Path, ifName, args);

    public PluginResult Check(
        TestNamespace container, string config, string ifName = "eth0", string? containerId = null, string? args = null) =>
        Invoke("CHECK", config, containerId ?? container.Name, container.Path, ifName, args);

    /// <summary>GC, STATUS, VERSION, which concern no container; or any command with the variables as told, null for one that is not set.</summary>
    public PluginResult Invoke(
        string command, string config, string? containerId = null, string? netns = null, string? ifName = null, string? args = null,
        IReadOnlyDictionary<string, string?>? environment = null)
    {
        var variables = new Dictionary<string, string?>
        {
            ["CNI_COMMAND"] = command,
            ["CNI_CONTAINERID"] = containerId,
            ["CNI_NETNS"] = netns,
            ["CNI_IFNAME"] = ifName,
            ["CNI_ARGS"] = args,
            ["CNI_PATH"] = Directory,
        };
        foreach ((string name, string? value) in environment ?? new Dictionary<string, string?>())
            variables[name] = value;
        return new PluginResult(host.Run([Path.Combine(Directory, type)], config, variables));
    }
}
