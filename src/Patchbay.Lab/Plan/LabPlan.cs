namespace Patchbay.Lab.Plan;

/// <summary>The steps from what is to what should be, in their order.</summary>
internal sealed record LabPlan(IReadOnlyList<Change> Changes)
{
    /// <summary>Steps that make or remove namespaces and interfaces; the settings of what they make follow from another look.</summary>
    public IEnumerable<Change> Structure => Changes.Where(change => change is AddNode or RemoveNamespace or AddSegment or AddLink or RemoveDevice or ReturnDevice or RemoveOvsBridge or RemoveOvsPort);

    /// <summary>Steps that change what is there.</summary>
    public IEnumerable<Change> Settings => Changes.Where(change => change is ChangeDevice or SetSysctl or SetRules);

    public bool IsEmpty => Changes.Count == 0;

    public override string ToString() => string.Join('\n', Changes);
}

/// <summary>What should be cannot be made beside what is there.</summary>
internal sealed class PlanException(IReadOnlyList<string> conflicts) : Exception(string.Join('\n', conflicts))
{
    public IReadOnlyList<string> Conflicts => conflicts;
}
