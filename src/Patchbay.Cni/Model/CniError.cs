namespace Patchbay.Cni.Model;

/// <summary>Error codes of the specification (section "Error") and of the libraries that plugins are commonly built with.</summary>
/// <remarks>0 to 99 are reserved; a plugin's own codes begin at 100.</remarks>
public static class CniError
{
    /// <summary>The plugin does not speak the configuration's version.</summary>
    public const uint IncompatibleVersion = 1;

    /// <summary>A field of the configuration is not supported; the details name it and its value.</summary>
    public const uint UnsupportedField = 2;

    /// <summary>The container is unknown or gone; the runtime need not clean up.</summary>
    public const uint UnknownContainer = 3;

    /// <summary>A variable of the environment is missing or invalid.</summary>
    public const uint InvalidEnvironment = 4;

    /// <summary>Input or output failed.</summary>
    public const uint IoFailure = 5;

    /// <summary>The configuration is not JSON, or not of the right shape.</summary>
    public const uint DecodingFailure = 6;

    /// <summary>The configuration is invalid.</summary>
    public const uint InvalidNetworkConfig = 7;

    /// <summary>The namespace cannot be used (a code of the libraries, not of the specification).</summary>
    public const uint InvalidNetns = 8;

    /// <summary>A passing fault: the runtime should try again.</summary>
    public const uint TryAgainLater = 11;

    /// <summary>STATUS: an ADD would fail now.</summary>
    public const uint PluginNotAvailable = 50;

    /// <summary>STATUS: an ADD would fail now, and containers that exist may be cut off.</summary>
    public const uint LimitedConnectivity = 51;

    /// <summary>Any other error (a code of the libraries, not of the specification).</summary>
    public const uint Internal = 999;
}
