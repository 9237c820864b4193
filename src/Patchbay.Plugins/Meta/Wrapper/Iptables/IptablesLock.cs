namespace Patchbay.Plugins.Meta.Wrapper.Iptables;

/// <summary>The lock that everybody on a host of Cloud Foundry takes before iptables.</summary>
/// <param name="Path">The file.</param>
/// <param name="Owner">Whose it is, for the agent must be able to open it; null for the process's own user.</param>
internal sealed record IptablesLock(string Path, FileOwner? Owner)
{
    /// <summary>Waits for it.</summary>
    internal LockedFile Take()
    {
        var taken = LockedFile.Open(Path);
        try
        {
            Owner?.Take(Path);
            return taken;
        }
        catch
        {
            taken.Dispose();
            throw;
        }
    }
}
