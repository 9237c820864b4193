using Patchbay.Cni.Model;

namespace Patchbay.Plugins.Meta.Wrapper;

/// <summary>How many TCP connections a second a container may open to one port of one address.</summary>
/// <param name="Burst">How many at once.</param>
/// <param name="PerSecond">How many later.</param>
/// <param name="Log">Whether those beyond are logged.</param>
/// <param name="DryRun">Whether they are let through nevertheless, and logged.</param>
internal sealed record ConnectionLimit(int Burst, int PerSecond, bool Log, bool DryRun)
{
    /// <summary>After how many seconds of rest an address and port count as new.</summary>
    internal int ExpirySeconds => (Burst + PerSecond - 1) / PerSecond;

    internal static ConnectionLimit? Read(JsonView view)
    {
        if (view.Boolean("limit") != true)
            return null;
        return new ConnectionLimit(Number("burst"), Number("rate_per_sec"), view.Boolean("logging") ?? false, view.Boolean("dry_run") ?? false);

        int Number(string key) => (int)(view.Integer(key, 1, 1_000_000) ?? throw WrapperConfig.Missing($"outbound connection {key}", $"outbound_connections.{key}"));
    }
}
