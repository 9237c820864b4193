using Patchbay.Policy.Agent.Containers;
using Patchbay.Policy.Agent.Plan;

namespace Patchbay.Policy.Agent;

/// <summary>Makes the kernel enforce a plan: by nf_tables, or by iptables as the reference does.</summary>
internal interface IEnforcer : IDisposable
{
    /// <summary>What on this host stands in the way of the rules, and is not ours to change.</summary>
    IReadOnlyList<string> Problems { get; }

    /// <summary>Makes the rules those of a plan; all at once, and nothing where nothing differs.</summary>
    EnforcedChange Enforce(PolicyPlan plan, AgentOptions options);

    /// <summary>Keeps the rules that are there for containers that still are, while it is not known which are wanted, and isolates new ones.</summary>
    EnforcedChange KeepWhatIsThere(IReadOnlyList<LocalContainer> containers, AgentOptions options);
}

/// <summary>What a call changed.</summary>
/// <param name="Changes">Elements or rules that came or went; 0 for none.</param>
/// <param name="Cut">Connections that were forgotten.</param>
/// <param name="Took">How long the kernel took for it.</param>
internal readonly record struct EnforcedChange(int Changes, int Cut, TimeSpan Took);
