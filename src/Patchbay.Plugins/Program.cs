using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Plugins.Ipam.Dhcp.Daemon;
using Patchbay.Plugins.Main.Tap;
using Patchbay.Plugins.Tools;
using Patchbay.Plugins.Tools.Garden;
using Patchbay.Plugins.Tools.Install;
using Patchbay.Plugins.Tools.NetRun;

namespace Patchbay.Plugins;

/// <summary>One file, many names: the name it is started by says what it is, or else the first argument does.</summary>
internal static class Program
{
    private const string CniToolName = "cnitool";
    private const string DhcpName = "dhcp";

    /// <summary>Every name that this file answers to.</summary>
    private static IEnumerable<string> Names => [.. PluginRegistry.Names, CniToolName, RunTool.PrivNetRunName, RunTool.DockerRunName, OciHook.Name, GardenNetworker.Name];

    private static int Main(string[] arguments)
    {
        string name = Path.GetFileName(Environment.GetCommandLineArgs()[0]);
        if (Start(name, arguments) is { } status)
            return status;
        if (arguments is ["names"])
            return PrintNames();
        if (arguments is ["install", ..])
            return InstallCommand.Run(arguments.AsSpan(1), Names, PluginEnvironment.OfProcess(static _ => null));
        if (arguments.Length > 0)
        {
            name = arguments[0];
            if (Start(name, arguments.AsSpan(1)) is { } chosen)
                return chosen;
        }

        return Unknown(name, arguments.Length > 0);
    }

    private static int? Start(string name, ReadOnlySpan<string> arguments)
    {
        // What the plugin of that name asks is a tool of the same name.
        if (name == DhcpName && arguments is ["daemon", ..])
            return DhcpDaemon.Run(arguments[1..], PluginEnvironment.OfProcess(PluginRegistry.Find));
        if (PluginRegistry.Find(name) is { } plugin)
            return PluginHost.Run(plugin, PluginEnvironment.OfProcess(PluginRegistry.Find));
        if (name == CniToolName)
            return CniTool.Run(arguments, PluginEnvironment.OfProcess(static _ => null));
        if (name == YggAddressTool.ToolName)
            return YggAddressTool.Run(arguments, PluginEnvironment.OfProcess(static _ => null));
        if (name is RunTool.PrivNetRunName or RunTool.DockerRunName)
            return RunTool.Run(name, arguments, PluginEnvironment.OfProcess(static _ => null));
        if (name == OciHook.Name)
            return OciHook.Run(arguments, PluginEnvironment.OfProcess(static _ => null));
        if (name == GardenNetworker.Name)
            return GardenNetworker.Run(arguments, PluginEnvironment.OfProcess(PluginRegistry.Find));
        if (name == Role.HelperName)
            return RunTool.RunRole(arguments, PluginEnvironment.OfProcess(static _ => null));
        if (name == LabelledTap.HelperName)
            return LabelledTap.Run(arguments);
        return null;
    }

    // What the build and the packages make links for.
    private static int PrintNames()
    {
        using Stream output = PluginEnvironment.OfProcess(PluginRegistry.Find).Output;
        output.Write(Encoding.UTF8.GetBytes(string.Join('\n', Names) + "\n"));
        return 0;
    }

    private static int Unknown(string name, bool named)
    {
        PluginEnvironment environment = PluginEnvironment.OfProcess(PluginRegistry.Find);
        StringBuilder text = new();
        text.Append(ProgramMark.Title);
        text.Append("CNI protocol versions supported: ").AppendJoin(", ", SpecVersion.All).Append('\n');
        text.Append("Plugins and tools, by the name of the file or as the first argument: ").AppendJoin(", ", Names);
        text.Append("\npatchbay-cni install DIR puts it there under all of them");
        PluginHost.Note(environment, text.ToString());

        // A runtime that started us by a name that we do not know reads standard output.
        if (!string.IsNullOrEmpty(environment.Variable("CNI_COMMAND")))
            return PluginHost.Report(new CniException(CniError.Internal, $"patchbay-cni has no plugin \"{name}\""), environment);
        return named ? 1 : 0;
    }
}
