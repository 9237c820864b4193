namespace Patchbay.Plugins.Meta.Firewall;

/// <summary>Who may reach a container through the host.</summary>
internal enum IngressPolicy
{
    /// <summary>Everybody.</summary>
    Open,

    /// <summary>Everybody but containers on other bridges that have a policy as well.</summary>
    SameBridge,

    /// <summary>As <see cref="SameBridge"/>, and not the other containers on the same bridge either.</summary>
    Isolated,
}
