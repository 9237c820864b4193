using System.Data.Common;
using System.Text.Json;
using Patchbay.Policy.Model;

namespace Patchbay.Policy.Store;

/// <summary>The table of security groups, within a transaction.</summary>
internal static class SecurityGroupTable
{
    internal static List<(long Id, SecurityGroup Group)> Read(DbTransaction transaction)
    {
        using DbCommand query = new Statement(transaction, """
            SELECT id, guid, name, rules, staging_default, running_default, staging_spaces, running_spaces FROM security_groups ORDER BY id
            """).Command;
        using DbDataReader row = query.ExecuteReader();
        var groups = new List<(long, SecurityGroup)>();
        while (row.Read())
        {
            groups.Add((row.GetInt64(0), new SecurityGroup(
                row.GetString(1), row.GetString(2), row.GetString(3), row.GetBoolean(4), row.GetBoolean(5), Spaces(row.GetString(6)), Spaces(row.GetString(7)))));
        }

        return groups;
    }

    /// <returns>Whether the table had to change.</returns>
    internal static bool Replace(DbTransaction transaction, IReadOnlyList<SecurityGroup> groups)
    {
        var old = Read(transaction).ToDictionary(each => each.Group.Guid, each => each.Group);
        // A row keeps its number for as long as the group exists, so that a client between two pages misses nothing.
        var save = new Statement(transaction, """
            INSERT INTO security_groups (guid, name, rules, staging_default, running_default, staging_spaces, running_spaces)
            VALUES (@guid, @name, @rules, @stagingDefault, @runningDefault, @staging, @running)
            ON CONFLICT (guid) DO UPDATE SET name = excluded.name, rules = excluded.rules, staging_default = excluded.staging_default,
                running_default = excluded.running_default, staging_spaces = excluded.staging_spaces, running_spaces = excluded.running_spaces
            """, "guid", "name", "rules", "stagingDefault", "runningDefault", "staging", "running");
        var delete = new Statement(transaction, "DELETE FROM security_groups WHERE guid = @guid", "guid");
        bool changed = false;
        foreach (SecurityGroup each in groups)
        {
            if (old.Remove(each.Guid, out SecurityGroup? before) && Same(before, each))
                continue;
            save.Execute(each.Guid, each.Name, each.Rules, each.StagingDefault, each.RunningDefault, Text(each.StagingSpaces), Text(each.RunningSpaces));
            changed = true;
        }

        foreach (string gone in old.Keys)
        {
            delete.Execute(gone);
            changed = true;
        }

        return changed;
    }

    // A record compares its lists by identity.
    private static bool Same(SecurityGroup one, SecurityGroup other) =>
        one with { StagingSpaces = other.StagingSpaces, RunningSpaces = other.RunningSpaces } == other
        && one.StagingSpaces.SequenceEqual(other.StagingSpaces) && one.RunningSpaces.SequenceEqual(other.RunningSpaces);

    private static string Text(IReadOnlyList<string> spaces) => JsonSerializer.Serialize([.. spaces], StoreJson.Default.StringArray);

    private static string[] Spaces(string text) => JsonSerializer.Deserialize(text, StoreJson.Default.StringArray) ?? [];
}
