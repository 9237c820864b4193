using Patchbay.Cni.Model;

namespace Patchbay.Cni.Plugin;

/// <summary>The CNI_* variables of one call.</summary>
internal sealed record RequestVariables(string ContainerId, string NetnsPath, string IfName, string Args, string Path)
{
    /// <summary>Reads the variables; those that the command requires are checked, the others are taken as they are.</summary>
    internal static RequestVariables Read(string command, PluginEnvironment environment)
    {
        // An invalid one is told before anything missing; all missing ones are told together.
        List<string> missing = [];
        bool addOrCheck = command is "ADD" or "CHECK";
        bool container = addOrCheck || command == "DEL";
        bool path = container || command is "GC" or "STATUS";
        RequestVariables variables = new(
            Get("CNI_CONTAINERID", container, Validation.ContainerId),
            Get("CNI_NETNS", addOrCheck, null),
            Get("CNI_IFNAME", container, Validation.InterfaceName),
            Get("CNI_ARGS", false, null),
            Get("CNI_PATH", path, null));
        return missing.Count == 0
            ? variables
            : throw new CniException(CniError.InvalidEnvironment, $"required env variables [{string.Join(',', missing)}] missing");

        string Get(string name, bool required, Action<string>? validate)
        {
            string value = environment.Variable(name) ?? "";
            if (required && value.Length == 0)
                missing.Add(name);
            else if (required)
                validate?.Invoke(value);
            return value;
        }
    }
}
