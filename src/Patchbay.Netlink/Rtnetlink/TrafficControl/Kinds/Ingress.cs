namespace Patchbay.Netlink.Rtnetlink;

/// <summary>Where filters see the packets that come in; it queues nothing (net/sched/sch_ingress.c). Attach it at <see cref="TcHandle.Ingress"/>.</summary>
public sealed class Ingress : QdiscKind
{
    /// <summary>The kernel's name of the kind.</summary>
    public const string KindName = "ingress";

    /// <inheritdoc/>
    public override string Name => KindName;
}
