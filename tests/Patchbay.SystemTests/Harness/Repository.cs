namespace Patchbay.SystemTests.Harness;

/// <summary>Where this source tree is; the tests read its examples and run its scripts.</summary>
internal static class Repository
{
    public static string Root { get; } = Find(AppContext.BaseDirectory);

    public static string PathOf(string relative) => Path.Combine(Root, relative);

    private static string Find(string directory)
    {
        for (DirectoryInfo? at = new(directory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "Patchbay.slnx")))
                return at.FullName;
        }

        throw new DirectoryNotFoundException($"no Patchbay.slnx in or above {directory}: run the tests from a build inside the source tree");
    }
}
