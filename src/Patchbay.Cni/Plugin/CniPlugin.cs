using Patchbay.Cni.Model;

namespace Patchbay.Cni.Plugin;

/// <summary>A plugin. The host has checked the request before it calls; what a method throws becomes the error object.</summary>
/// <remarks>Throw <see cref="CniException"/> for an error with a code; anything else is reported with 999 and its message.</remarks>
public abstract class CniPlugin
{
    /// <summary>The name that configurations give as <c>type</c>.</summary>
    public abstract string Name { get; }

    /// <summary>One line that tells the program and its version; shown to people who start the plugin by hand, and read by engines.</summary>
    /// <remarks>
    /// nerdctl wants a version and nothing after it, Nomad a word that is one; both compare it with releases of the reference plugins
    /// to know what the plugin can do. So the number is theirs, and ours is its build metadata, which no comparison sees (semver.org, 10).
    /// </remarks>
    public virtual string About => $"CNI {Name} plugin v{PluginHost.ReferenceVersion}+patchbay.{PluginHost.ProgramVersion}";

    /// <summary>The versions of the specification that it speaks, oldest first.</summary>
    public virtual IReadOnlyList<SpecVersion> SupportedVersions => SpecVersion.All;

    /// <summary>ADD.</summary>
    /// <param name="request">What to do.</param>
    /// <returns>The result, in the newest terms.</returns>
    public abstract CniResult Add(PluginRequest request);

    /// <summary>DEL: must succeed for what is missing, and must do all it can before it fails.</summary>
    /// <param name="request">What to do; <see cref="PluginRequest.NetnsPath"/> may be empty.</param>
    public abstract void Delete(PluginRequest request);

    /// <summary>CHECK; succeeds unless overridden.</summary>
    /// <param name="request">What to check.</param>
    public virtual void Check(PluginRequest request)
    {
    }

    /// <summary>GC; succeeds unless overridden.</summary>
    /// <param name="request">The network and, in its configuration, the attachments to keep.</param>
    public virtual void GarbageCollect(PluginRequest request)
    {
    }

    /// <summary>STATUS; succeeds unless overridden.</summary>
    /// <param name="request">The network.</param>
    public virtual void Status(PluginRequest request)
    {
    }
}
