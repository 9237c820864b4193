using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Plugins.Ipam.Dhcp.Daemon;
using Patchbay.Plugins.Ipam.Dhcp.Leases;
using Patchbay.Plugins.Ipam.Dhcp.Protocol;

namespace Patchbay.Plugins.Ipam.Dhcp;

/// <summary>The <c>ipam</c> object of a configuration.</summary>
internal sealed class DhcpConfig
{
    private const int LongestOption = 255;
    private const int RoomForOptions = 1024; // with the rest of a message this stays below the smallest MTU of an Ethernet

    // 121 before 33 before 3, as RFC 3442 wants.
    private static ReadOnlySpan<byte> DefaultRequest =>
    [
        DhcpOption.SubnetMask, DhcpOption.ClasslessStaticRoutes, DhcpOption.StaticRoutes, DhcpOption.Routers, DhcpOption.DomainNameServers, DhcpOption.DomainName,
        DhcpOption.DomainSearch, DhcpOption.InterfaceMtu, DhcpOption.NtpServers, DhcpOption.LeaseTime, DhcpOption.RenewalTime, DhcpOption.RebindingTime,
    ];

    /// <summary>Where the daemon listens.</summary>
    internal required string SocketPath { get; init; }

    /// <summary>Where the daemon keeps its leases, for a release in its absence.</summary>
    internal required string StateDirectory { get; init; }

    /// <summary>Reads what every command needs.</summary>
    /// <exception cref="CniException">A field is wrong; the text names it.</exception>
    internal static DhcpConfig Read(NetworkConfig config)
    {
        var ipam = Ipam(config);
        string socket = Absolute(ipam, "daemonSocketPath") ?? DaemonOptions.DefaultSocketPath;
        return new DhcpConfig { SocketPath = socket, StateDirectory = Absolute(ipam, "daemonStateDir") ?? LeaseStore.DirectoryOf(socket) };
    }

    /// <summary>Reads what ADD needs besides.</summary>
    /// <exception cref="CniException">A field is wrong; the text names it.</exception>
    internal static ClientSettings ReadClient(PluginRequest request)
    {
        // Not in Read: what an earlier version of the configuration left must be deleted.
        if (request.Config.Type == "ptp")
            throw Invalid("dhcp cannot be used with ptp: no DHCP server is on the cable between container and host; use bridge, macvlan, vlan or ipvlan");
        var ipam = Ipam(request.Config);
        var provide = ReadProvide(ipam, request);
        int length = provide.Sum(static each => each.Value.Length + 2);
        if (length > RoomForOptions)
            throw Invalid($"ipam.provide has {length} bytes of options, and a DHCP message has room for {RoomForOptions}");
        return new ClientSettings
        {
            ClientId = KeyOf(request).ClientId,
            Provide = provide,
            Request = ReadRequest(ipam),
            Priority = (int)(ipam.Integer("priority", 0, int.MaxValue) ?? 0),
            TakesMtu = request.Config.Root.Get("mtu") is not { Element: var mtu } || mtu.ToString() == "0",
        };
    }

    internal static LeaseKey KeyOf(PluginRequest request) => new(request.Config.Name, request.ContainerId, request.IfName);

    private static JsonView Ipam(NetworkConfig config) => config.Ipam ?? throw Invalid("IPAM config missing 'ipam' key");

    private static string? Absolute(JsonView ipam, string name)
    {
        string? path = ipam.String(name);
        if (string.IsNullOrEmpty(path))
            return null;
        return path.StartsWith('/') && !path.Contains('\0', StringComparison.Ordinal) ? path : throw Invalid($"ipam.{name} must be an absolute path, not \"{path}\"");
    }

    private static List<(byte Code, byte[] Value)> ReadProvide(JsonView ipam, PluginRequest request)
    {
        var options = new List<(byte Code, byte[] Value)>();
        foreach (var entry in ipam.Array("provide") ?? [])
        {
            string name = entry.String("option") ?? "";
            byte code = CodeOf(entry, name);
            if (code is DhcpOption.RequestedAddress or DhcpOption.Overload or DhcpOption.MessageType or DhcpOption.ServerIdentifier or DhcpOption.ParameterRequestList or DhcpOption.MaximumMessageSize)
                throw Invalid($"{entry.Path}: option {code} is part of the protocol and cannot be provided");
            string? argument = entry.String("fromArg");
            string? fromArgument = string.IsNullOrEmpty(argument) ? null : Argument(request.Args, argument);
            string? value = fromArgument ?? entry.String("value");
            if (string.IsNullOrEmpty(value))
            {
                // As with the reference; a runtime may set some arguments for some containers only.
                if (fromArgument is null && !string.IsNullOrEmpty(argument))
                    PluginHost.Note(request.Environment, $"dhcp: CNI_ARGS has no {argument}, so option {name} is not sent");
                continue;
            }

            byte[] bytes = Encoding.UTF8.GetBytes(value);
            if (bytes.Length > LongestOption)
                throw Invalid($"{entry.Path}: value for option {name} is larger than {LongestOption} bytes");
            options.RemoveAll(each => each.Code == code);
            options.Add((code, bytes));
        }

        return options;
    }

    private static byte[] ReadRequest(JsonView ipam)
    {
        var codes = new List<byte>();
        bool skipDefault = false;
        foreach (var entry in ipam.Array("request") ?? [])
        {
            bool skips = entry.Boolean("skipDefault") ?? false;
            skipDefault |= skips;
            string name = entry.String("option") ?? "";
            if (name.Length == 0 && skips)
                continue;
            byte code = CodeOf(entry, name);
            if (!codes.Contains(code))
                codes.Add(code);
        }

        if (!skipDefault)
        {
            foreach (byte code in DefaultRequest)
            {
                if (!codes.Contains(code))
                    codes.Add(code);
            }
        }

        return [.. codes];
    }

    private static byte CodeOf(JsonView entry, string name)
    {
        if (name.Length == 0)
            throw Invalid($"{entry.Path} has no \"option\"");
        return DhcpOption.Parse(name) is { } code and not (DhcpOption.Pad or DhcpOption.End)
            ? code
            : throw Invalid($"{entry.Path}: there is no option \"{name}\": want dhcp-client-identifier, subnet-mask, routers, host-name, user-class, vendor-class-identifier, or a number from 1 to 254");
    }

    // Not CniArgs, which refuses keys that it does not know: here the configuration says which are.
    private static string? Argument(string args, string name)
    {
        string? value = null;
        foreach (string pair in args.Split(';'))
        {
            int equals = pair.IndexOf('=', StringComparison.Ordinal);
            if (equals >= 0 && pair.AsSpan(0, equals).SequenceEqual(name))
                value = pair[(equals + 1)..];
        }

        return value;
    }

    private static CniException Invalid(string message) => new(CniError.InvalidNetworkConfig, message);
}
