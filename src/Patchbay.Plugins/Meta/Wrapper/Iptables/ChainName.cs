namespace Patchbay.Plugins.Meta.Wrapper.Iptables;

/// <summary>Names of a container's chains: <c>netout--HANDLE</c>, <c>netout--HANDLE--log</c>, of 28 characters at most, the handle cut for it.</summary>
internal static class ChainName
{
    private const int Longest = 28; // what iptables allows, less the terminating zero

    /// <summary>A container's chain.</summary>
    /// <param name="prefix">netout, netin, input, overlay.</param>
    /// <param name="handle">The container.</param>
    /// <param name="suffix">log, rl-log, or nothing.</param>
    internal static string Of(string prefix, string handle, string suffix = "")
    {
        var end = suffix.Length == 0 ? "" : $"--{suffix}";
        var body = $"{prefix}--{handle}";
        var room = Longest - end.Length;
        return (body.Length > room ? body[..room] : body) + end;
    }
}
