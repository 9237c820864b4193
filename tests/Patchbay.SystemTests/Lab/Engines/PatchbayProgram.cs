using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Lab.Engines;

/// <summary>The executable <c>patchbay</c>: PATCHBAY_BIN, or the published one, or the one built along with the tests.</summary>
internal static class PatchbayProgram
{
    /// <summary>What to run, to be followed by its arguments; the first word is a path.</summary>
    public static string[] Line { get; } = Find();

    private static string[] Find()
    {
        foreach (string? native in (string?[])[Environment.GetEnvironmentVariable("PATCHBAY_BIN"), Repository.PathOf("out/patchbay")])
        {
            if (File.Exists(native))
                return [native];
        }

        string built = Path.Combine(AppContext.BaseDirectory, "../../Patchbay/debug/patchbay.dll");
        return [Environment.ProcessPath!, Path.GetFullPath(built)];
    }
}
