namespace Patchbay.SystemTests.Harness;

/// <summary>What a plugin answered. <see cref="CommandResult.Json"/> is the result, or the error object where the exit status is not 0.</summary>
internal sealed record PluginResult : CommandResult
{
    internal PluginResult(CommandResult result)
        : base(result)
    {
    }

    /// <summary>The code of the error object (CNI specification, "Error").</summary>
    public int ErrorCode => Json.GetProperty("code").GetInt32();

    /// <summary>"msg" and "details" of the error object, in one text to search in.</summary>
    public string ErrorText =>
        Json.TryGetProperty("details", out var details) ? $"{Json.GetProperty("msg").GetString()}; {details.GetString()}" : Json.GetProperty("msg").GetString()!;

    /// <summary>This result, once the plugin is known to have succeeded.</summary>
    public new PluginResult Check()
    {
        base.Check();
        return this;
    }

    /// <summary>This result, once the plugin is known to have failed as the protocol wants it: exit status 1 and an error object.</summary>
    public PluginResult CheckError(int code)
    {
        if (ExitCode == 0 || ErrorCode != code)
            Assert.Fail($"expected error code {code}: {this}");
        return this;
    }
}
