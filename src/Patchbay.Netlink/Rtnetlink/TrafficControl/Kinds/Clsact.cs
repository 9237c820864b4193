namespace Patchbay.Netlink.Rtnetlink;

/// <summary>As <see cref="Ingress"/>, for both directions (net/sched/sch_ingress.c). Attach it at <see cref="TcHandle.Ingress"/>.</summary>
public sealed class Clsact : QdiscKind
{
    /// <summary>The kernel's name of the kind.</summary>
    public const string KindName = "clsact";

    /// <inheritdoc/>
    public override string Name => KindName;
}
