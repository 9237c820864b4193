using System.Net;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Plugins.Interfaces;
using Patchbay.Plugins.Main.Masquerading;

namespace Patchbay.Plugins.Meta.Wrapper;

/// <summary>
/// cni-wrapper-plugin: has another plugin connect a container of Cloud Foundry, writes it down for the policy agent, and makes the rules for it. docs/wrapper.md.
/// </summary>
internal sealed class WrapperPlugin(string name) : CniPlugin
{
    internal const string FullName = "cni-wrapper-plugin";
    internal const string ShortName = "wrapper";

    public override string Name => name;

    public override CniResult Add(PluginRequest request)
    {
        var config = WrapperConfig.Read(request.Config);
        // What is wrong with them is told before anything is made.
        var ports = ReadPorts(request.Config);
        var groups = ReadGroups(request, config.Rules);
        var inner = WrapperDelegate.Of(request, config);
        var result = Call(inner);
        var undo = new Rollback();
        try
        {
            undo.Push(inner.Delete);
            var address = AddressIn(result);
            var datastore = new Datastore(config.Datastore, config.DatastoreOwner);
            undo.Push(Store(datastore, request, address));
            if (config.Rules is { } rules)
            {
                var container = Container(request, rules, result, address) with { Ports = ports, Groups = groups };
                AddRules(container, datastore, undo);
            }

            return config.DnsServers.Count == 0 ? result : result with { Dns = result.Dns with { Nameservers = [.. result.Dns.Nameservers, .. config.DnsServers.Except(result.Dns.Nameservers)] } };
        }
        catch (Exception error)
        {
            throw undo.Undo(error);
        }
    }

    // As with the reference a runtime that comes again finds nothing to do, so what fails is told on standard error, not by the status; but for the agent.
    public override void Delete(PluginRequest request)
    {
        var config = WrapperConfig.Read(request.Config);
        var datastore = new Datastore(config.Datastore, config.DatastoreOwner);
        IPAddress? address = null;
        Try("read the datastore", () => address = datastore.AddressOf(request.ContainerId));
        Try("read prevResult", () => address ??= request.Config.PrevResult is { } result ? AddressIn(result) : null);
        Try("store delete", () => datastore.Delete(request.ContainerId));
        Try("delegate call", () => WrapperDelegate.Of(request, config).Delete());
        if (config.Rules is not { } rules)
        {
            if (address is not null)
                Try("remove the policy agent's tag", () => ContainerRules.RemoveTag(address));
            return;
        }

        Try("remove rules", () => ContainerRules.Remove(rules, new MasqueradeName(request), address, datastore));
        AgentOf(rules)?.CleanGroups(request.ContainerId);

        void Try(string what, Action step)
        {
            try
            {
                step();
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                PluginHost.Note(request.Environment, $"{Name}: {what}: {CniException.From(error).Text}");
            }
        }
    }

    public override void Check(PluginRequest request)
    {
        var config = WrapperConfig.Read(request.Config);
        var result = request.Config.PrevResult ?? throw InterfaceCheck.Failed($"{Name}: Required prevResult missing");
        var address = AddressIn(result);
        var written = new Datastore(config.Datastore, config.DatastoreOwner).AddressOf(request.ContainerId);
        if (!address.Equals(written))
            throw InterfaceCheck.Failed($"the datastore {config.Datastore} has {(written is null ? "no entry" : $"the address {written}")} for container \"{request.ContainerId}\", whose address is {address}");
        // Whose the security groups are the runtime does not tell here: with an agent, they may be its.
        if (config.Rules is { } rules)
        {
            var container = Container(request, rules, result, address) with { Ports = ReadPorts(request.Config), Groups = ReadGroups(request, rules) };
            if (ContainerRules.Missing(container, groups: rules.Agent is null) is { } missing)
                throw InterfaceCheck.Failed($"{missing} is missing");
        }

        if (Speaks(config, request.Config, SpecVersion.V040))
            WrapperDelegate.Of(request, config).Check();
    }

    public override void GarbageCollect(PluginRequest request)
    {
        var config = WrapperConfig.Read(request.Config);
        var cleanup = new Cleanup();
        if (request.Config.ValidAttachments is { } valid)
        {
            var datastore = new Datastore(config.Datastore, config.DatastoreOwner);
            IReadOnlyCollection<string> handles = [];
            cleanup.Step(() => handles = datastore.Handles);
            foreach (var handle in handles.Where(handle => !valid.Any(each => each.ContainerId == handle)))
                cleanup.Step(() => Collect(request, config, datastore, handle));
            if (config.Rules is { } rules)
                cleanup.Step(() => ContainerRules.Collect(rules, request.Config.Name, valid));
        }

        if (Speaks(config, request.Config, SpecVersion.V110))
            cleanup.Step(() => WrapperDelegate.Of(request, config).GarbageCollect());
        cleanup.ThrowIfFailed();
    }

    public override void Status(PluginRequest request)
    {
        var config = WrapperConfig.Read(request.Config);
        try
        {
            new Datastore(config.Datastore, config.DatastoreOwner).RequireUsable();
            if (config.Rules is { } rules)
            {
                UnderlayInterfaces.Find(rules);
                ContainerRules.RequireBackend(rules);
                AgentOf(rules)?.RequirePresent();
            }
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            var told = CniException.From(error);
            throw new CniException(CniError.PluginNotAvailable, told.Message, told.Details, error);
        }

        if (Speaks(config, request.Config, SpecVersion.V110))
            WrapperDelegate.Of(request, config).Status();
    }

    private static void AddRules(ContainerNetwork container, Datastore datastore, Rollback undo)
    {
        var agent = AgentOf(container.Config);
        agent?.PollPolicies();
        undo.Push(() => ContainerRules.Remove(container.Config, container.Owner, container.Address, datastore));
        ContainerRules.Add(container, groups: agent is null, datastore);
        if (agent?.SyncGroups(container.Handle) == PolicyAgentClient.GroupsBy.Wrapper)
            ContainerRules.AddGroups(container);
    }

    private static CniResult Call(PluginDelegate inner)
    {
        try
        {
            return inner.Add();
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            var told = CniException.From(error);
            throw new CniException(told.Code, $"delegate call: {told.Message}", told.Details, error);
        }
    }

    private static Action Store(Datastore datastore, PluginRequest request, IPAddress address)
    {
        try
        {
            var former = datastore.Add(request.ContainerId, address, WrapperConfig.Metadata(request.Config));
            return () => datastore.PutBack(request.ContainerId, former);
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            var told = CniException.From(error);
            throw new CniException(told.Code, $"store add: {told.Message}", told.Details, error);
        }
    }

    private static void Collect(PluginRequest request, WrapperConfig config, Datastore datastore, string handle)
    {
        if (config.Rules is { } rules)
        {
            // A name from a file becomes one of a chain.
            Validation.ContainerId(handle);
            ContainerRules.Remove(rules, new MasqueradeName(request.Config.Name, handle, ""), datastore.AddressOf(handle), datastore);
        }

        datastore.Delete(handle);
    }

    private static ContainerNetwork Container(PluginRequest request, RuleConfig rules, CniResult result, IPAddress address) =>
        new(new MasqueradeName(request), address, rules, UnderlayInterfaces.Find(rules))
        {
            Workload = WrapperConfig.Metadata(request.Config)?.Get("container_workload") is { Element.ValueKind: System.Text.Json.JsonValueKind.String } workload ? workload.AsString() : null,
            IPv6 = [.. result.Ips.Where(ip => !ip.Address.IsIPv4).Select(ip => ip.Address.Address)],
        };

    private static IPAddress AddressIn(CniResult result)
    {
        foreach (var ip in result.Ips)
        {
            if (ip.Address.IsIPv4)
                return ip.Address.Address;
        }

        throw new CniException(CniError.InvalidNetworkConfig, "the delegate's result has no IPv4 address: policies and security groups are for IPv4");
    }

    private static List<NetIn> ReadPorts(NetworkConfig config)
    {
        var ports = new List<NetIn>();
        foreach (var each in config.RuntimeConfig?.Array("portMappings") ?? [])
        {
            var port = NetIn.Read(each);
            if (port.HostPort == 0 || port.ContainerPort == 0)
                throw WrapperConfig.Invalid($"cannot allocate port 0 (\"{each.Path}\")");
            if (!ports.Contains(port))
                ports.Add(port);
        }

        return ports;
    }

    // Each rule goes before those before it, so packets meet them from the last to the first.
    private List<EgressRule> ReadGroups(PluginRequest request, RuleConfig? config)
    {
        var rules = EgressRule.Read(request.Config.RuntimeConfig?.Array("netOutRules"), ipv6: config is { UsesIptables: false }, text => PluginHost.Note(request.Environment, $"{Name}: {text}"));
        rules.Reverse();
        return rules;
    }

    private static PolicyAgentClient? AgentOf(RuleConfig rules) => rules.Agent is { } agent ? new PolicyAgentClient(agent, rules.AgentSeconds) : null;

    // A delegate with a version of its own may be too old for the command.
    private static bool Speaks(WrapperConfig config, NetworkConfig ours, SpecVersion since) =>
        SpecVersion.TryParse(config.Delegate.String("cniVersion") ?? ours.VersionText, out var version) && version >= since;
}
