using System.Diagnostics;
using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;
using Patchbay.Policy.Agent.Containers;
using Patchbay.Policy.Agent.Plan;

namespace Patchbay.Policy.Agent.Native;

/// <summary>Enforces by nf_tables: one transaction with the differences to what is in the kernel, so that nothing is open or closed in between.</summary>
/// <remarks>
/// The state of before is the kernel's own. It is read when anybody else has committed anything since our last commit, which the generation's number tells;
/// and the commit is refused, and all tried again, when somebody does so after the reading. Otherwise only the containers whose plan is another one are compared.
/// </remarks>
internal sealed class NativeEnforcer : IEnforcer
{
    private const int Attempts = 50;

    private readonly NftablesSocket _nft = NftablesSocket.Open();
    private TableReader? _kernel;
    private uint _generation;
    private AgentOptions? _options;
    private PolicyPlan? _plan;                                        // what is in the kernel; null when that follows from no plan
    private Dictionary<ContainerPlan, ContainerImage> _images = [];   // its parts
    private bool _isSettled;

    public IReadOnlyList<string> Problems { get; private set; } = [];

    public void Dispose() => _nft.Dispose();

    public EnforcedChange Enforce(PolicyPlan plan, AgentOptions options)
    {
        if (_options != options)
            _images = [];
        Dictionary<ContainerPlan, ContainerImage> images = plan.Parts.ToDictionary(each => each, each => _images.GetValueOrDefault(each) ?? ContainerImage.Of(each, options));
        EnforcedChange change = Commit(plan, plan.Containers, options, () => Compare(images, options));
        (_plan, _options, _images) = (plan, options, images);
        return change;
    }

    public EnforcedChange KeepWhatIsThere(IReadOnlyList<LocalContainer> containers, AgentOptions options)
    {
        _plan = null;
        return Commit(null, containers, options, () => (_kernel!.Image, TableImage.Keeping(_kernel.Image, containers, options)));
    }

    // What may differ: everything when the kernel's state was read, else the containers whose part of the plan is another one.
    private (TableImage Present, TableImage Wanted) Compare(Dictionary<ContainerPlan, ContainerImage> images, AgentOptions options)
    {
        if (_plan is null || _options != options)
            return (_kernel!.Image, TableImage.Of(images.Values, options));
        TableImage present = new(), wanted = TableImage.WithRules(options);
        foreach ((string name, IReadOnlyList<NftRule> rules) in _kernel!.Image.Chains)
            present.Chains[name] = rules;
        foreach ((ContainerPlan part, ContainerImage image) in _images)
        {
            if (!images.ContainsKey(part))
                present.Add(image);
        }

        foreach ((ContainerPlan part, ContainerImage image) in images)
        {
            if (_images.ContainsKey(part))
                wanted.AddChains(image);
            else
                wanted.Add(image);
        }

        return (present, wanted);
    }

    private EnforcedChange Commit(PolicyPlan? plan, IEnumerable<LocalContainer> containers, AgentOptions options, Func<(TableImage Present, TableImage Wanted)> compare)
    {
        for (int attempt = 1; ; attempt++)
        {
            uint generation = _nft.Generation();
            if (_kernel is null || generation != _generation)
                (_kernel, _plan) = (TableReader.Read(_nft), null);
            else if (plan is not null && ReferenceEquals(_plan, plan) && _options == options && _isSettled)
                return default;
            _generation = generation;
            Problems = [.. _kernel.Closing.Select(each => $"chain {each} drops what it does not accept (policy drop): what policies allow passes only if it is accepted there too"), .. BridgedContainers.Problems(containers)];
            (TableImage present, TableImage wanted) = compare();
            TableChange change = TableChange.Between(_kernel, present, wanted, generation);
            long start = Stopwatch.GetTimestamp();
            try
            {
                if (change.Transaction.Count > 0)
                    _nft.Commit(change.Transaction);
            }
            catch (NetlinkException e)
            {
                Forget(); // whatever it was, the next try begins with what is there
                if (e.Error == Errno.Restart && attempt < Attempts)
                    continue;
                throw;
            }

            TimeSpan took = Stopwatch.GetElapsedTime(start);
            if (change.Transaction.Count > 0)
                Remember(change, wanted, generation);
            _plan = null; // until all of the new one is done
            return new EnforcedChange(change.Elements, Settle(change, plan, options), took);
        }
    }

    private void Forget()
    {
        _kernel = null;
        _plan = null;
    }

    // Also where nothing changes, once: an agent that was killed may have committed and no more.
    private int Settle(TableChange change, PolicyPlan? plan, AgentOptions options)
    {
        bool isNews = change.Transaction.Count > 0 || !_isSettled;
        _isSettled = false;
        RevokedConnections.Forget(change.LeftAddresses);
        int cut = plan is not null && options.CutRevoked && isNews ? RevokedConnections.Settle(plan, options, change.ReusedTags) : 0;
        _isSettled = plan is not null;
        return cut;
    }

    private void Remember(TableChange change, TableImage wanted, uint generation)
    {
        // Only if nobody came right after us: the kernel counts commits one by one.
        _generation = _nft.Generation();
        bool complete = _kernel!.HasTable && _kernel.HasForward && AgentTable.Sets.All(_kernel.Has) && wanted.Forward.All(rule => _kernel.Forward.Exists(rule.DoesSameAs));
        if (_generation == generation + 1 && complete)
            change.ApplyTo(_kernel.Image, wanted);
        else
            _kernel = null;
    }
}
