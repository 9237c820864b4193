namespace Patchbay.Policy.Overlay.Controller;

/// <summary>The schema of leases, as the steps that lead to it. A step that was ever released is never changed; what is new is a new step.</summary>
internal static class LeaseMigrations
{
    /// <summary>The steps, oldest first.</summary>
    internal static readonly (string Name, string Statements)[] Steps =
    [
        ("0001 leases", """
            CREATE TABLE subnets (
                underlay_ip TEXT PRIMARY KEY,
                overlay_subnet TEXT NOT NULL UNIQUE,
                overlay_hwaddr TEXT NOT NULL UNIQUE,
                last_renewed_at BIGINT NOT NULL);
            """),
    ];
}
