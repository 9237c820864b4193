using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>Somebody beyond a host, who has no route to its containers: an answer tells that the host stood in for one.</summary>
internal static class Outside
{
    public const string IPv4 = "198.51.100.2";

    public const string IPv6 = "2001:db8::2";

    public static void Connect(TestHost host)
    {
        TestNamespace outside = host.AddContainer();
        host.Run("ip", "link", "add", "uplink", "up", "type", "veth", "peer", "name", "eth0", "netns", outside.Name).Check();
        outside.Run("ip", "link", "set", "eth0", "up").Check();
        foreach ((TestNamespace space, string link, string end) in (ReadOnlySpan<(TestNamespace, string, string)>)[(host, "uplink", "1"), (outside, "eth0", "2")])
        {
            space.Run("ip", "addr", "add", $"198.51.100.{end}/24", "dev", link).Check();
            space.Run("ip", "addr", "add", $"2001:db8::{end}/64", "dev", link, "nodad").Check();
        }
    }
}
