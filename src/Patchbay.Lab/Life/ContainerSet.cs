using Patchbay.Lab.Engines;
using Patchbay.Lab.Plan;
using Patchbay.Lab.Schema;

namespace Patchbay.Lab.Life;

/// <summary>The containers of a lab that run now, as far as the engines told.</summary>
/// <param name="config">What the files name.</param>
/// <param name="project">The compose project that services are of; null for any.</param>
/// <param name="lab">The lab's name.</param>
internal sealed class ContainerSet(LabConfig config, string? project, string lab)
{
    private readonly Dictionary<(Engine Engine, string Id), Instance> _running = [];
    private readonly HashSet<string> _services = Named(config, OwnerKind.Service);
    private readonly HashSet<string> _containers = Named(config, OwnerKind.Container);
    private readonly HashSet<string> _made = config.LabContainers.Select(each => each.Name.Text).ToHashSet(StringComparer.Ordinal);

    /// <summary>What a topology is made of: each container once, the newest run of it.</summary>
    public IReadOnlyList<RunningContainer> Running =>
        [.. _running.Values.Where(each => NameOf(each) is not null).Select(each => new RunningContainer(NameOf(each)!, each.Id, OfProject(each) ? each.Service : null, each.Index, each.NamespacePath)).OrderBy(each => each.Name, StringComparer.Ordinal)];

    public bool Concerns(Instance instance) =>
        (NameOf(instance) is { } name && (_containers.Contains(name) || _made.Contains(name))) || (OfProject(instance) && instance.Service is { } service && (_services.Contains(service) || _containers.Contains($"{service}_{instance.Index}")));

    public (Engine Engine, Instance Instance)? Find(string name)
    {
        foreach (var ((engine, _), instance) in _running)
        {
            if (NameOf(instance) == name)
                return (engine, instance);
        }

        return null;
    }

    /// <returns>Whether anything is different now.</returns>
    public bool Add(Engine engine, Instance instance)
    {
        if (!Concerns(instance) || (_running.TryGetValue((engine, instance.Id), out var known) && known.Key == instance.Key))
            return false;
        _running[(engine, instance.Id)] = instance;
        return true;
    }

    /// <summary>What an engine says died; a run that goes on is a later one than that.</summary>
    public bool Remove(Engine engine, string id) =>
        _running.TryGetValue((engine, id), out var known) && !engine.IsRunning(known) && _running.Remove((engine, id));

    /// <summary>Takes over what an engine lists now, in place of all that was known of it.</summary>
    public bool Replace(Engine engine, IReadOnlyList<Instance> all)
    {
        var changed = false;
        var ids = all.Select(each => each.Id).ToHashSet(StringComparer.Ordinal);
        foreach (var gone in _running.Keys.Where(key => key.Engine == engine && !ids.Contains(key.Id)).ToList())
            changed |= _running.Remove(gone);
        foreach (var each in all)
            changed |= Add(engine, each);
        return changed;
    }

    // What the lab had started has the files' name, and nobody else has it.
    private string? NameOf(Instance instance) => instance.NodeOf(lab) ?? (_made.Contains(instance.Name) ? null : instance.Name);

    private bool OfProject(Instance instance) => project is null || instance.Project == project;

    private static HashSet<string> Named(LabConfig config, OwnerKind kind) => config.Owners.Where(owner => owner.Kind == kind).Select(owner => owner.Name).ToHashSet(StringComparer.Ordinal);
}
