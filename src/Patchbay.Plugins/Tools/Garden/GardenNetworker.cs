using System.Net;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink;
using Patchbay.Plugins.Interfaces;
using Patchbay.Plugins.Meta.Wrapper;

namespace Patchbay.Plugins.Tools.Garden;

/// <summary>garden-external-networker: connects Garden's containers by CNI plugins. Garden starts it for each action; docs/garden.md tells the protocol.</summary>
internal sealed class GardenNetworker
{
    internal const string Name = "garden-external-networker";

    private const string FirstPrefix = "error"; // until the configuration says another

    private readonly PluginEnvironment _environment;
    private readonly NetworkerConfig _config;
    private readonly string _handle;
    private readonly NamespaceMount _mount;
    private readonly PortAllocator _ports;

    private GardenNetworker(PluginEnvironment environment, NetworkerConfig config, string handle)
    {
        _environment = environment;
        _config = config;
        _handle = handle;
        _mount = new NamespaceMount(config.MountDirectory, handle);
        _ports = new PortAllocator(config.StateFile, config.StartPort, config.TotalPorts);
    }

    private GardenRules Rules => field ??= new GardenRules(_config, _handle);

    /// <summary>Runs one action.</summary>
    /// <param name="arguments">The command line after the tool's name.</param>
    /// <param name="environment">Variables and streams.</param>
    /// <returns>The exit status: 0, or 1 after a line on standard error, with nothing on standard output.</returns>
    internal static int Run(ReadOnlySpan<string> arguments, PluginEnvironment environment)
    {
        var prefix = FirstPrefix;
        try
        {
            if (arguments is [] or ["-h" or "--help", ..])
                throw new NetworkerException("this is a plugin for Garden-runC.  Don't run it directly.");
            var read = NetworkerArguments.Read(arguments);
            var config = NetworkerConfig.Read(read.ConfigFile);
            prefix = config.LogPrefix;
            read.RefuseExtra();
            var answer = Start(read.Handle, read.Action, config, environment);
            environment.Output.Write(answer);
            return 0;
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            PluginHost.Note(environment, $"{prefix}: {CniException.From(error).Text}");
            return 1;
        }
    }

    private static byte[] Start(string handle, string action, NetworkerConfig config, PluginEnvironment environment)
    {
        try
        {
            Validation.ContainerId(handle); // it becomes a path, and the container id of plugins
        }
        catch (CniException error)
        {
            throw new NetworkerException($"invalid handle \"{handle}\": {error.Message}", error);
        }

        var networker = new GardenNetworker(environment, config, handle);
        switch (action)
        {
            case "up":
                return networker.Up();
            case "down":
                networker.Down();
                return [];
            case "net-in" when config.MakesRules:
                return networker.NetIn();
            case "net-out" or "bulk-net-out" when config.MakesRules:
                networker.NetOut(action);
                return [];
            default:
                throw new NetworkerException($"unrecognized action: {action}");
        }
    }

    private byte[] Up()
    {
        var input = NetworkerInput.Read(_environment.Input, "up");
        // Before anything else is opened: descriptor 3 is Garden's.
        using var container = NamespaceMount.Open(input.Pid);
        var networks = NetworkerNetworks.Load(_config, _handle, _environment);
        var rules = _config.MakesRules ? EgressRule.Read(input.NetOutRules, ipv6: false, Skipped) : [];
        var undo = new Rollback();
        try
        {
            _mount.Create(container);
            undo.Push(_mount.Remove);
            var (ports, taken) = _ports.Acquire(_handle, input.NetIn, refuseOurs: _config.MakesRules);
            if (taken.Count > 0)
                undo.Push(() => _ports.Release(_handle, taken));
            var result = networks.Add(_mount.Path, input, _config.MakesRules ? null : ports, undo);
            var address = NetworkerOutput.AddressIn(result).Address.Address;
            if (_config.MakesRules)
                MakeRules(address, rules, ports, undo);
            ProxyRedirect.Add(container, _config);
            return NetworkerOutput.OfUp(_config, result, ports);
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            throw undo.Undo(error);
        }
    }

    // Between the eras, in 2017, ports and rules came with up already, and were still the networker's.
    private void MakeRules(IPAddress address, List<EgressRule> rules, IReadOnlyList<NetIn> ports, Rollback undo)
    {
        undo.Push(Rules.Remove);
        Rules.Begin(address);
        Rules.Allow(address, rules);
        if (ports.Count > 0 && _config.InstanceAddress is null)
            throw new NetworkerException("missing required config 'instance_address': it tells at which address of the host the ports are that came with up");
        foreach (var port in ports)
            Rules.Map(_config.InstanceAddress!, address, port);
    }

    // All of it, whatever fails; what the newest networker only logs, ours only logs.
    private void Down()
    {
        var networks = new Cleanup();
        networks.Step(() => NetworkerNetworks.Load(_config, _handle, _environment).Delete(_mount.PathIfMounted, networks));
        var rest = new Cleanup();
        rest.Step(_mount.Remove);
        if (_config.MakesRules)
            rest.Step(Rules.Remove);
        rest.Step(() => _ports.Release(_handle));
        if (_config.MakesRules)
        {
            networks.Step(rest.ThrowIfFailed);
            networks.ThrowIfFailed();
            return;
        }

        try
        {
            rest.ThrowIfFailed();
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            PluginHost.Note(_environment, $"{_config.LogPrefix}: down: {CniException.From(error).Text}");
        }

        networks.ThrowIfFailed();
    }

    private byte[] NetIn()
    {
        var input = NetworkerInput.Read(_environment.Input, "net-in");
        var (host, container) = (input.HostIp, input.ContainerIp);
        var (ports, taken) = _ports.Acquire(_handle, [input.Ports], refuseOurs: true);
        try
        {
            Rules.Map(host, container, ports[0]);
            return NetworkerOutput.OfNetIn(ports[0]);
        }
        catch
        {
            if (taken.Count > 0)
                _ports.Release(_handle, taken);
            throw;
        }
    }

    private void NetOut(string action)
    {
        var input = NetworkerInput.Read(_environment.Input, action);
        Rules.Allow(input.ContainerIp, EgressRule.Read(input.Rules, ipv6: false, Skipped));
    }

    private void Skipped(string text) => PluginHost.Note(_environment, $"{_config.LogPrefix}: {text}");
}
