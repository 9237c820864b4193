using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Packaging.Dist;

/// <summary>The archive, and that archive, package and image come out the same wherever and whenever they are made.</summary>
public sealed class ArchiveTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("pb-dist-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void The_archive_unpacks_to_one_file_under_every_name()
    {
        Command.Run(["tar", "-xzf", Products.Archive, "-C", _directory]).Check();

        string[] names = ["patchbay-cni", .. Command.Run([Path.Combine(_directory, "patchbay-cni"), "names"]).Check().StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries)];
        Assert.Equal(names.Concat(["LICENSE", "README.md"]).Order(StringComparer.Ordinal), Directory.GetFiles(_directory).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal));
        Assert.Single(names.Select(name => Command.Run(["stat", "-c", "%i %a %h", Path.Combine(_directory, name)]).Check().StandardOutput).Distinct());
        Command.Run([Path.Combine(_directory, "patchbay-cni"), "install", "--check", _directory]).Check();
    }

    [Fact]
    public void The_archive_of_patchbay_has_a_program_that_runs()
    {
        Command.Run(["tar", "-xzf", Products.LabArchive, "-C", _directory]).Check();

        Assert.Equal(["LICENSE", "README.md", "patchbay"], Directory.GetFiles(_directory).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal));
        Command.Run([Path.Combine(_directory, "patchbay"), "lab", "validate", Repository.PathOf("examples/lab/routers.yaml")]).Check();
    }

    [Fact]
    public void Every_product_has_its_sum()
    {
        foreach (string file in Directory.GetFiles(Products.Directory).Where(file => !file.EndsWith(".sha256", StringComparison.Ordinal)))
            Command.Run(["sha256sum", "-c", $"{Path.GetFileName(file)}.sha256"], directory: Products.Directory).Check();
    }

    [Theory]
    [InlineData("tar")]
    [InlineData("deb")]
    [InlineData("image")]
    [InlineData("lab-image")]
    public void A_second_run_gives_the_same_bytes(string what)
    {
        string[] products = what switch
        {
            "tar" => [Products.Archive, Products.LabArchive],
            "deb" => [Products.Deb, Products.LabDeb],
            "image" => [Products.Image],
            _ => [Products.LabImage],
        };

        Command.Run(
            ["sh", "-euc", "umask 077; exec \"$0\" \"$1\"", Repository.PathOf($"hack/{what}"), _directory],
            environment: new Dictionary<string, string?> { ["TZ"] = "Pacific/Kiritimati", ["LC_ALL"] = "C.UTF-8", ["TMPDIR"] = _directory },
            limit: Command.DefaultLimit * 3).Check();

        foreach (string product in products)
            Command.Run(["cmp", product, Path.Combine(_directory, Path.GetFileName(product))]).Check();
    }
}
