using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Packaging.Dist;

/// <summary>What <c>make dist</c> left: tests of it run by <c>make test-dist</c>.</summary>
internal static class Products
{
    internal static string Directory
    {
        get
        {
            string? told = Environment.GetEnvironmentVariable("PATCHBAY_DIST");
            Assert.SkipWhen(string.IsNullOrEmpty(told), "needs PATCHBAY_DIST, the products of make dist: make test-dist");
            return told!;
        }
    }

    internal static string Deb => Assert.Single(System.IO.Directory.GetFiles(Directory, "patchbay-cni_*.deb"));

    internal static string Archive => Assert.Single(System.IO.Directory.GetFiles(Directory, "patchbay-cni-*.tar.gz"));

    internal static string LabDeb => Assert.Single(System.IO.Directory.GetFiles(Directory, "patchbay_*.deb"));

    internal static string LabArchive => Assert.Single(System.IO.Directory.GetFiles(Directory, "patchbay-?.*.tar.gz"));

    internal static string LabImage => Assert.Single(System.IO.Directory.GetFiles(Directory, "patchbay-?.*-image.tar"));

    internal static string Image => Assert.Single(System.IO.Directory.GetFiles(Directory, "patchbay-cni-*-image.tar"));
}
