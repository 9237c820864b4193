using System.Globalization;
using Patchbay.Policy.Agent.Containers;
using Patchbay.Policy.Agent.Plan;

namespace Patchbay.Policy.Agent.Report;

/// <summary>Which rule decides about a connection, and why: the steps that its first packet takes through the table.</summary>
internal sealed class Explanation
{
    private readonly EnforcedState _state;
    private readonly List<string> _steps = [];

    private Explanation(EnforcedState state) => _state = state;

    /// <summary>Whether the connection is let through as far as policies go.</summary>
    internal bool IsAllowed { get; private set; }

    /// <summary>One line a step; the last one tells what happens.</summary>
    internal IReadOnlyList<string> Steps => _steps;

    /// <param name="state">What is enforced.</param>
    /// <param name="source">Who connects.</param>
    /// <param name="destination">To whom.</param>
    /// <param name="protocol">IP protocol number.</param>
    /// <param name="port">The destination's port.</param>
    internal static Explanation Of(EnforcedState state, Party source, Party destination, byte protocol, ushort port)
    {
        var explanation = new Explanation(state);
        explanation.Explain(source, destination, protocol, port);
        return explanation;
    }

    private void Explain(Party source, Party destination, byte protocol, ushort port)
    {
        string asked = string.Create(CultureInfo.InvariantCulture, $"{AppPolicy.Word(protocol)} {port}");
        _steps.Add($"{source} to {destination}, {asked}");
        if (!_state.HasRules)
        {
            Decide(true, "table ip cf_networking is not complete, so no policy decides anything here: is the agent running?");
            return;
        }

        if (_state.AcceptsAnything(source.Address, destination.Address))
        {
            Decide(true, "chain policies: its first rule accepts everything within overlay_network (disable_container_network_policy): accepted");
            return;
        }

        uint tag = _state.SourceTags.GetValueOrDefault(source.Address);
        _steps.Add(tag != 0
            ? $"map source_tags: packets from {source.Address} get the mark 0x{EnforcedState.Format(tag)}"
            : $"map source_tags: {source.Address} is not in it; {(IsLocal(source) ? "no policy names its app as a source" : "it is no container of this host, so the mark is that with which the packet came")}");
        if (!IsLocal(destination))
        {
            Outside(source, destination);
            return;
        }

        List<(AllowedPorts Ports, AppPair Apps)> towards = [.. _state.Allowed.Where(each => each.Ports.Address == destination.Address)];
        if (tag == 0 && !IsLocal(source))
        {
            string[] who = [.. towards.Where(each => each.Ports.Protocol == protocol && each.Ports.Contains(port)).Select(each => $"0x{EnforcedState.Format(each.Ports.Tag)} (app {each.Apps.Source})")];
            Decide(false, who.Length == 0
                ? $"no element of the sets agent-allowed and agent-allowed-ranges is for {destination.Address} {asked}: by {Denying(destination)} it is rejected, whatever its mark is"
                : $"only with the mark {string.Join(" or ", who)} it is accepted; without, by {Denying(destination)}, it is rejected");
            return;
        }

        foreach ((AllowedPorts ports, AppPair apps) in towards)
        {
            if (ports.Tag == tag && ports.Protocol == protocol && ports.Contains(port))
            {
                Decide(true, $"set {(ports.First == ports.Last ? "agent-allowed" : "agent-allowed-ranges")}: {ports}, for the policy from app {apps.Source} to app {apps.Destination}: accepted");
                return;
            }
        }

        _steps.Add($"sets agent-allowed and agent-allowed-ranges: nothing for the mark 0x{EnforcedState.Format(tag)} to {destination.Address} {asked}");
        string[] others = [.. towards.Where(each => each.Ports.Tag == tag && tag != 0).Select(each => each.Ports.ToString())];
        if (others.Length > 0)
            _steps.Add($"allowed would be: {string.Join("; ", others)}");
        Decide(false, $"{Denying(destination)}: {destination.Address} is a container of this host and no policy allows it: rejected, ICMP port unreachable");
    }

    // The wrapper's map comes first.
    private string Denying(Party destination) => _state.Wrapped.TryGetValue(destination.Address, out string? chain)
        ? $"map containers, the CNI wrapper's, with chain {chain}"
        : "map agent-isolated";

    private void Outside(Party source, Party destination)
    {
        if (!IsLocal(source))
        {
            Decide(true, "neither end is a container of this host: the policies here have nothing to say");
            return;
        }

        _steps.Add($"{destination.Address} is no container of this host: another host's agent decides, by the mark that the overlay carries, or the security groups do");
        Decide(true, _state.Groups.TryGetValue(source.Address, out string? chain)
            ? $"map security_groups: chain {chain} with {_state.RuleCounts.GetValueOrDefault(chain)} rules decides about what leaves towards the underlay"
            : "map security_groups: nothing for this container; what leaves towards the underlay is the CNI wrapper's to decide");
    }

    private bool IsLocal(Party party) => _state.Containers.Any(each => each.Address == party.Address);

    private void Decide(bool allowed, string why)
    {
        IsAllowed = allowed;
        if (allowed)
            _steps.AddRange(_state.Closing.Select(each => $"chain {each}, somebody else's, drops what it does not accept (policy drop): it must accept this too"));
        _steps.Add(why);
    }
}
