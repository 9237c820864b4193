using System.Text.Json;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>A plugin that nobody can call but by executing it: a shell script that notes how it was called, then does as told.</summary>
internal sealed class ScriptPlugin
{
    /// <summary>The end of a script that hands on the result of the plugin before it.</summary>
    public const string PassOn = """if [ "$CNI_COMMAND" = ADD ]; then jq .prevResult "$0.ADD"; fi""";

    private readonly string _file;

    /// <param name="host">The host whose directory it is put into.</param>
    /// <param name="name">Its type.</param>
    /// <param name="body">What it does after it has noted the call; $0.$CNI_COMMAND is its configuration.</param>
    public ScriptPlugin(TestHost host, string name, string body = "")
    {
        Directory = Path.Combine(host.Directory, "bin");
        System.IO.Directory.CreateDirectory(Directory);
        _file = Path.Combine(Directory, name);
        // Not written by this process, whose other threads start programs: one of those could hold it open, and it could not be executed (ETXTBSY).
        host.Run(["install", "-m", "755", "/dev/stdin", _file], $$"""
            #!/bin/sh
            echo "$CNI_COMMAND ${0##*/}" >> "${0%/*}/calls"
            env | grep ^CNI_ > "$0.$CNI_COMMAND.env"
            cat > "$0.$CNI_COMMAND"
            {{body}}
            """).Check();
    }

    public string Directory { get; }

    /// <summary>All calls of scripts of this host, in order: <c>ADD name</c>.</summary>
    public string[] Calls => File.Exists(Path.Combine(Directory, "calls")) ? File.ReadAllLines(Path.Combine(Directory, "calls")) : [];

    /// <summary>The configuration that it got with the last call of a command.</summary>
    public JsonElement Config(string command)
    {
        using var document = JsonDocument.Parse(File.ReadAllText($"{_file}.{command}"));
        return document.RootElement.Clone();
    }

    /// <summary>A variable that it got with the last call of a command; null if it got none.</summary>
    public string? Variable(string command, string name) =>
        File.ReadAllLines($"{_file}.{command}.env").FirstOrDefault(line => line.StartsWith($"{name}=", StringComparison.Ordinal))?[(name.Length + 1)..];
}
