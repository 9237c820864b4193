using System.Globalization;
using System.Text.Json;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>What iproute2 tells of links, addresses and routes, in the terms of the tests; and the ways in which a plugin may fail.</summary>
internal static class State
{
    /// <summary>Addresses of a link as "10.22.0.2/24", without the kernel's link-local ones, in order.</summary>
    public static string[] Addresses(this TestNamespace space, string link) =>
    [
        .. space.Link(link).GetProperty("addr_info").EnumerateArray()
            .Where(a => a.GetProperty("scope").GetString() != "link")
            .Select(a => $"{a.GetProperty("local").GetString()}/{a.GetProperty("prefixlen").GetInt32()}")
            .Order(StringComparer.Ordinal),
    ];

    public static JsonElement Link(this TestNamespace space, string name) => space.IpJson($"addr show dev {name}")[0];

    public static bool IsUp(this JsonElement link) => link.GetProperty("flags").EnumerateArray().Any(flag => flag.GetString() == "UP");

    public static string Text(this JsonElement element, string key) =>
        element.TryGetProperty(key, out JsonElement value) ? value.ToString() : "";

    public static int Mtu(this TestNamespace space, string link) => space.Link(link).GetProperty("mtu").GetInt32();

    /// <summary>Routes of both families as "default via 10.22.0.1 dev eth0", the kernel's own left out.</summary>
    public static string[] Routes(this TestNamespace space, string table = "main") =>
    [
        .. ((string[])["-4", "-6"])
            .SelectMany(family => space.Run("ip", "-j", family, "route", "show", "table", table) is { ExitCode: 0 } shown ? shown.Json.EnumerateArray() : [])
            .Where(route => route.Text("protocol") != "kernel" && route.Text("dst") is not "ff00::/8")
            .Select(route => $"{route.Text("dst")}{(route.Text("gateway") is { Length: > 0 } gateway ? $" via {gateway}" : "")} dev {route.Text("dev")}"
                + (route.Text("scope") is { Length: > 0 } scope and not "global" ? $" scope {scope}" : ""))
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>The port of a bridge, with all its settings.</summary>
    public static JsonElement Port(this TestNamespace space, string name) => space.BridgeJson($"link show dev {name}")[0];

    public static string Sysctl(this TestNamespace space, string path) => space.Run("cat", $"/proc/sys/net/{path}").Check().StandardOutput.Trim();

    public static void SetSysctl(this TestNamespace space, string path, string value) =>
        space.Run("sh", "-c", $"echo {value} >/proc/sys/net/{path}").Check();

    /// <summary>One packet, at once: nothing may be in the way of the first one.</summary>
    public static void Ping(this TestNamespace from, string address) =>
        from.Run("ping", "-c", "1", "-W", "10", address).Check();

    /// <summary>Name of the host's end in a result from 0.3.0 on, wherever the plugin lists it.</summary>
    public static string HostEnd(this CommandResult added) =>
        added.Json.GetProperty("interfaces").EnumerateArray().Select(each => each.GetProperty("name").GetString()!)
            .First(name => name.StartsWith("veth", StringComparison.Ordinal));

    public static string[] ResultAddresses(this CommandResult added) =>
        [.. added.Json.GetProperty("ips").EnumerateArray().Select(ip => ip.GetProperty("address").GetString()!)];

    /// <summary>Asserts an error as the protocol wants it: exit status 1, one error object on standard output, and a text that names what is wrong.</summary>
    public static PluginResult Failed(this PluginResult result, int code, params string[] texts)
    {
        Assert.True(result.ExitCode == 1, $"expected exit status 1: {result}");
        JsonElement error = result.Json;
        Assert.True(error.ValueKind == JsonValueKind.Object && error.TryGetProperty("code", out _), $"expected an error object: {result}");
        Assert.All(error.EnumerateObject(), property => Assert.Contains(property.Name, (string[])["code", "msg", "details"]));
        Assert.True(error.GetProperty("code").GetInt32() == code, $"expected error code {code.ToString(CultureInfo.InvariantCulture)}: {result}");
        Assert.All(texts, text => Assert.Contains(text, result.ErrorText, StringComparison.Ordinal));
        Assert.NotEmpty(error.GetProperty("msg").GetString()!);
        return result;
    }
}
