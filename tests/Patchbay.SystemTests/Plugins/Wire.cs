using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>Cables between the hosts of a test.</summary>
internal static class Wire
{
    /// <summary>Runs ip(8) once for each command; "dev" and such as on its command line.</summary>
    public static void Ip(this TestNamespace space, params ReadOnlySpan<string> commands)
    {
        foreach (string command in commands)
            space.Run(["ip", .. command.Split(' ', StringSplitOptions.RemoveEmptyEntries)]).Check();
    }

    /// <summary>A veth pair, both ends up: NAME here, "far" there.</summary>
    public static void To(this TestNamespace space, TestNamespace other, string name = "up0", string far = "far", int mtu = 1500)
    {
        space.Ip($"link add {name} mtu {mtu} type veth peer name {far} mtu {mtu} netns {other.Name}", $"link set {name} up");
        other.Ip($"link set {far} up");
    }

    /// <summary>Pings with a payload of so many bytes that must not be taken apart; tells whether an answer came.</summary>
    public static bool PingsWhole(this TestNamespace from, string address, int bytes) =>
        from.Run("ping", "-c", "1", "-W", bytes > 1500 ? "1" : "5", "-M", "do", "-s", $"{bytes}", address).ExitCode == 0;
}
