using System.Text;
using System.Text.Json;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Tools;

/// <summary>A directory of plugins and the program that is installed into it.</summary>
internal sealed class InstallDirectory : IDisposable
{
    internal InstallDirectory()
    {
        Plugin.NeedsOurs("bridge");
        Path = Directory.CreateTempSubdirectory("pb-install-").FullName;
        Bin = Directory.CreateDirectory(System.IO.Path.Combine(Path, "bin")).FullName;
    }

    internal static string Program => System.IO.Path.Combine(Plugin.OursDirectory, "patchbay-cni");

    internal static string[] Names { get; } = ["patchbay-cni", .. Command.Run([Program, "names"]).Check().StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries)];

    /// <summary>Around <see cref="Bin"/>: what must never change.</summary>
    internal string Path { get; }

    internal string Bin { get; }

    internal string[] Files => [.. Directory.GetFileSystemEntries(Bin).Select(file => System.IO.Path.GetFileName(file)).Order(StringComparer.Ordinal)];

    internal static string[] Sorted => [.. Names.Order(StringComparer.Ordinal)];

    internal string this[string name] => System.IO.Path.Combine(Bin, name);

    internal CommandResult Install(params string[] arguments) => Command.Run([Program, "install", .. arguments, Bin]);

    /// <summary>What --check finds, by name.</summary>
    internal Dictionary<string, string> States(params string[] arguments)
    {
        CommandResult result = Install([.. arguments, "--check", "--json"]);
        JsonElement names = result.Json.GetProperty("names");
        Assert.Equal(result.ExitCode == 0, result.Json.GetProperty("ok").GetBoolean());
        return names.EnumerateArray().ToDictionary(entry => entry.GetProperty("name").GetString()!, entry => entry.GetProperty("state").GetString()!);
    }

    /// <summary>Puts a program of somebody else, or a file that is none, under a name.</summary>
    internal void Foreign(string name, string? text = null)
    {
        if (text is null)
            File.Copy("/bin/true", this[name]);
        else
            File.WriteAllText(this[name], text);
    }

    /// <summary>Puts this program under another version's name there.</summary>
    internal void Version(string version, params string[] names)
    {
        byte[] bytes = File.ReadAllBytes(Program);
        int at = bytes.AsSpan().IndexOf(Encoding.Unicode.GetBytes("patchbay-cni v"));
        Encoding.Unicode.GetBytes($"patchbay-cni v{version}\n").CopyTo(bytes, at);
        string scratch = System.IO.Path.Combine(Path, "scratch");
        File.WriteAllBytes(scratch, bytes);
        // By a process of its own. A child that another test starts while this process has the file open for writing has it open too, until it
        // executes its program; until then nobody can execute the file (execve(2), ETXTBSY).
        Command.Run(["install", "-m", "755", scratch, this[names[0]]]).Check();
        foreach (string name in names[1..])
            Command.Run(["ln", "-f", this[names[0]], this[name]]).Check();
    }

    internal string Inode(string name) => Command.Run(["stat", "-c", "%d:%i %h %a", this[name]]).Check().StandardOutput.Trim();

    /// <summary>Every name there is this program, one file, 0755, and nothing else is there.</summary>
    internal void AssertWhole(params string[] besides)
    {
        Assert.Equal(Sorted.Concat(besides).Order(StringComparer.Ordinal), Files);
        string inode = Assert.Single(Names.Select(Inode).Distinct());
        Assert.EndsWith($" {Names.Length} 755", inode, StringComparison.Ordinal);
        Assert.Equal(File.ReadAllBytes(Program), File.ReadAllBytes(this["bridge"]));
        Assert.Equal(0, Install("--check").ExitCode);
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
