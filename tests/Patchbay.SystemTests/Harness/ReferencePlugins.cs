namespace Patchbay.SystemTests.Harness;

/// <summary>The plugins of the CNI project, as Debian packages them: the judge of what ours leave on disk and in the kernel.</summary>
internal static class ReferencePlugins
{
    public const string Directory = "/usr/lib/cni";

    public static Plugin Plugin(TestHost host, string type)
    {
        Assert.SkipUnless(File.Exists(Path.Combine(Directory, type)), $"needs {Directory}/{type} of Debian's containernetworking-plugins");
        return new Plugin(host, type, Directory);
    }
}
