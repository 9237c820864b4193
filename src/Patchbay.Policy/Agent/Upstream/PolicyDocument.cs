using System.Text.Json;
using Patchbay.Policy.Agent.Plan;

namespace Patchbay.Policy.Agent.Upstream;

/// <summary>
/// Reads the internal API's answers: <c>{"policies":[{"source":{"id":…,"tag":"0001"},"destination":{"id":…,"protocol":"tcp","ports":{"start":…,"end":…}}}]}</c>,
/// and <c>{"last_updated":…,"added":[…],"removed":[…]}</c>.
/// </summary>
internal static class PolicyDocument
{
    /// <exception cref="JsonException">It is no such document.</exception>
    internal static List<AppPolicy> Parse(ReadOnlySpan<byte> text, List<string> problems)
    {
        List<AppPolicy>? policies = null;
        var reader = new PolicyReader(text, problems);
        while (reader.NextMember() is { } name)
        {
            if (name == "policies")
                policies = reader.ReadList();
            else
                reader.Skip();
        }

        return policies ?? throw new JsonException("it has no list \"policies\"");
    }

    /// <exception cref="JsonException">It is no such document.</exception>
    internal static PolicyChanges ParseChanges(ReadOnlySpan<byte> text, List<string> problems)
    {
        long? lastUpdated = null;
        List<AppPolicy>? added = null, removed = null;
        var reader = new PolicyReader(text, problems);
        while (reader.NextMember() is { } name)
        {
            switch (name)
            {
                case "last_updated": lastUpdated = reader.ReadNumber(); break;
                case "added": added = reader.ReadList(); break;
                case "removed": removed = reader.ReadList(); break;
                default: reader.Skip(); break;
            }
        }

        return lastUpdated is { } number && added is not null && removed is not null
            ? new PolicyChanges(number, added, removed)
            : throw new JsonException("it lacks \"last_updated\", \"added\" or \"removed\"");
    }
}
