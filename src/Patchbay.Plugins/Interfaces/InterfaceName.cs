using Patchbay.Cni.Model;

namespace Patchbay.Plugins.Interfaces;

/// <summary>Names of interfaces that come from a configuration.</summary>
internal static class InterfaceName
{
    /// <summary>Refuses what the kernel would not take, or would take for something else.</summary>
    /// <param name="name">The name.</param>
    /// <param name="what">What is to be called so, for the error.</param>
    /// <exception cref="CniException">Code 7, with the rule that the name breaks.</exception>
    internal static void Require(string name, string what)
    {
        try
        {
            Validation.InterfaceName(name);
        }
        catch (CniException error)
        {
            throw new CniException(CniError.InvalidNetworkConfig, $"invalid name \"{name}\" for the {what}: {error.Message}", inner: error);
        }
    }
}
