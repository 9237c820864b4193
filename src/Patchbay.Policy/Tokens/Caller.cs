namespace Patchbay.Policy.Tokens;

/// <summary>Who sent a request, as the token says.</summary>
/// <param name="Subject">A user's name, or a client's.</param>
/// <param name="Id">The user's GUID, or the client's name: what the Cloud Controller knows.</param>
/// <param name="Scopes">What the token allows.</param>
internal sealed record Caller(string Subject, string Id, IReadOnlyList<string> Scopes)
{
    internal const string AdminScope = "network.admin";
    internal const string WriteScope = "network.write";

    internal bool IsNetworkAdmin => Scopes.Contains(AdminScope);
}
