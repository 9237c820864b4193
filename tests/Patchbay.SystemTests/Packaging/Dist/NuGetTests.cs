using System.IO.Compression;
using Patchbay.SystemTests.Engines;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Packaging.Dist;

/// <summary>The NuGet packages, in a project of somebody who has nothing else of this tree.</summary>
public sealed class NuGetTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("pb-dist-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData("Patchbay.Cni")]
    [InlineData("Patchbay.Netlink")]
    public void A_new_project_takes_a_package_and_builds_the_example_of_its_page(string package)
    {
        string products = Products.Directory, project = Path.Combine(_directory, "example");
        Dotnet("new", "console", "--no-restore", "--output", project);
        string file = Path.Combine(project, "example.csproj");
        File.WriteAllText(file, File.ReadAllText(file).Replace("</Project>", $"""
              <PropertyGroup>
                <RestoreSources>{products}</RestoreSources>
                <RestorePackagesPath>{_directory}/packages</RestorePackagesPath>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="{package}" Version="*" />
              </ItemGroup>
            </Project>
            """, StringComparison.Ordinal));
        File.WriteAllText(Path.Combine(project, "Program.cs"), Example(package));

        CommandResult built = Dotnet("build", project);

        Assert.Contains("0 Warning(s)", built.StandardOutput, StringComparison.Ordinal);
        Assert.Equal(package.ToLowerInvariant(), Path.GetFileName(Assert.Single(Directory.GetDirectories($"{_directory}/packages"))));
    }

    // The first program of the page that is in the package.
    private string Example(string package)
    {
        string page = Path.Combine(_directory, "README.md");
        using (ZipArchive archive = ZipFile.OpenRead(Assert.Single(Directory.GetFiles(Products.Directory, $"{package}.?.*.nupkg"))))
            archive.GetEntry("README.md")!.ExtractToFile(page);
        return string.Join('\n', DocumentedCommands.Of(page).Blocks.First(block => block.Language == "csharp").Lines);
    }

    private CommandResult Dotnet(params string[] arguments) => Command.Run(
        ["dotnet", .. arguments],
        environment: new Dictionary<string, string?> { ["DOTNET_CLI_HOME"] = _directory, ["DOTNET_NOLOGO"] = "1", ["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1", ["MSBUILDDISABLENODEREUSE"] = "1", ["UseSharedCompilation"] = "false" },
        limit: Command.DefaultLimit * 3,
        directory: _directory).Check();
}
