namespace Patchbay.SystemTests.Engines;

/// <summary>A plugin that writes down how an engine calls it, and answers that all is well.</summary>
internal static class Recorder
{
    private const string Script = """
        #!/bin/sh
        config=$(cat)
        printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$CNI_COMMAND" "$CNI_CONTAINERID" "$CNI_NETNS" "$CNI_IFNAME" "$CNI_ARGS" "$CNI_PATH" "$(echo "$config" | tr -d '\n\t')" >>/run/calls
        case $CNI_COMMAND in
        VERSION) echo '{ "cniVersion": "1.0.0", "supportedVersions": ["0.4.0", "1.0.0"] }' ;;
        ADD) echo '{ "cniVersion": "1.0.0", "interfaces": [{ "name": "eth0", "sandbox": "'"$CNI_NETNS"'" }], "ips": [{ "address": "10.1.2.3/24", "interface": 0 }] }' ;;
        esac
        """;

    /// <summary>A list of this plugin, which has every capability that there is.</summary>
    public const string Network = """
        { "cniVersion": "1.0.0", "name": "recorded", "plugins": [ { "type": "record", "capabilities":
          { "portMappings": true, "bandwidth": true, "dns": true, "ipRanges": true, "ips": true, "mac": true, "cgroupPath": true, "io.kubernetes.cri.pod-annotations": true } } ] }
        """;

    public static void Install(EngineHost machine)
    {
        machine.WriteFile("/opt/cni/bin/record", Script);
        File.SetUnixFileMode(machine.PathOf("/opt/cni/bin/record"), (UnixFileMode)Convert.ToInt32("755", 8));
    }

    /// <summary>The calls so far, in order.</summary>
    public static Call[] Calls(EngineHost machine) =>
    [
        .. File.ReadAllLines(machine.PathOf("/run/calls")).Select(line => line.Split('\t')).Select(each => new Call(each[0], each[1], each[2], each[3], each[4], each[5], each[6])),
    ];

    internal sealed record Call(string Command, string ContainerId, string Netns, string IfName, string Args, string Path, string Config);
}
