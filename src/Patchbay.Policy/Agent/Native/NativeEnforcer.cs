using System.Diagnostics;
using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;
using Patchbay.Policy.Agent.Containers;
using Patchbay.Policy.Agent.Plan;

namespace Patchbay.Policy.Agent.Native;

/// <summary>Enforces by nf_tables: one transaction with the differences to what is in the kernel, so that nothing is open or closed in between.</summary>
/// <remarks>
/// The state of before is the kernel's own. It is read when anybody else has committed anything since our last commit, which the generation's number tells;
/// and the commit is refused, and all tried again, when somebody does so after the reading.
/// </remarks>
internal sealed class NativeEnforcer : IEnforcer
{
    private const int Attempts = 50;

    private readonly NftablesSocket _nft = NftablesSocket.Open();
    private TableReader? _kernel;
    private uint _generation;
    private (PolicyPlan? Plan, AgentOptions Options)? _enforced;

    public void Dispose() => _nft.Dispose();

    public EnforcedChange Enforce(PolicyPlan plan, AgentOptions options) => Commit(_ => TableImage.Of(plan, options), plan, options);

    public EnforcedChange KeepWhatIsThere(IReadOnlyList<LocalContainer> containers, AgentOptions options) =>
        Commit(present => TableImage.Keeping(present, containers, options), null, options);

    private EnforcedChange Commit(Func<TableImage, TableImage> want, PolicyPlan? plan, AgentOptions options)
    {
        for (int attempt = 1; ; attempt++)
        {
            uint generation = _nft.Generation();
            if (_kernel is null || generation != _generation)
                _kernel = TableReader.Read(_nft);
            else if (plan is not null && _enforced is { } last && ReferenceEquals(last.Plan, plan) && last.Options == options)
                return default;
            TableImage wanted = want(_kernel.Image);
            TableChange change = TableChange.Between(_kernel, _kernel.Image, wanted, generation);
            _generation = generation;
            _enforced = (plan, options);
            if (change.Transaction.Count == 0)
                return default;
            long start = Stopwatch.GetTimestamp();
            try
            {
                _nft.Commit(change.Transaction);
            }
            catch (NetlinkException e)
            {
                _kernel = null; // whatever it was, the next try begins with what is there
                if (e.Error == Errno.Restart && attempt < Attempts)
                    continue;
                throw;
            }

            TimeSpan took = Stopwatch.GetElapsedTime(start);
            Remember(change, wanted, generation);
            return new EnforcedChange(change.Elements, options.CutRevoked ? RevokedConnections.Cut(change, plan) : 0, took);
        }
    }

    private void Remember(TableChange change, TableImage wanted, uint generation)
    {
        // Only if nobody came right after us: the kernel counts commits one by one.
        _generation = _nft.Generation();
        bool complete = _kernel!.HasTable && _kernel.HasForward && AgentTable.Sets.All(_kernel.Has) && AgentTable.ForwardRules.All(wantedRule => _kernel.Forward.Exists(wantedRule.DoesSameAs));
        if (_generation == generation + 1 && complete)
            change.ApplyTo(_kernel.Image, wanted);
        else
            _kernel = null;
    }
}
