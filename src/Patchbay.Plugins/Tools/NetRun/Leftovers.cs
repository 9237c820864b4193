using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;

namespace Patchbay.Plugins.Tools.NetRun;

/// <summary>What is left of runs whose processes were killed all at once, so that none could clean up: the next run of the tool does.</summary>
internal static class Leftovers
{
    /// <summary>Removes it. A run counts as ours if our cache knows it: another host's may have its name in the same directory.</summary>
    /// <param name="tool">priv-net-run or docker-run.</param>
    /// <param name="options">Where the cache is.</param>
    /// <param name="environment">CNI_PATH, and where failures are told.</param>
    internal static void Remove(string tool, AttachmentOptions options, PluginEnvironment environment)
    {
        foreach (string id in NamedNamespace.Names())
        {
            if (!RunIdentity.IsOf(tool, id))
                continue;
            try
            {
                using RunClaim? claim = RunClaim.Take(id);
                if (claim is null)
                    continue; // somebody looks after it
                NetworkPlan plan = NetworkPlan.Remember(options, environment, id, NamedNamespace.PathOf(id));
                if (plan.Count > 0)
                    Guardian.CleanUpAfter(new RunIdentity(tool, id), plan, environment);
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                PluginHost.Note(environment, $"{tool}: cannot clean up after run {id}, which was killed: {CniException.From(error).Text}");
            }
        }
    }
}
