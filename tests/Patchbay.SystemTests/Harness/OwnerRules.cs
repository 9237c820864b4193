namespace Patchbay.SystemTests.Harness;

/// <summary>The rules that name the interface that an iptables chain is of, the only ones that the reference does not have.</summary>
internal static class OwnerRules
{
    public static bool IsOne(string line) => line.StartsWith("-A CNI-", StringComparison.Ordinal) && line.Contains(" -m comment --comment \"interface ", StringComparison.Ordinal);

    public static string Without(string saved) => string.Join('\n', saved.Split('\n').Where(line => !IsOne(line)));
}
