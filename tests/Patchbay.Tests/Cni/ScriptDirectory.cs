namespace Patchbay.Tests.Cni;

/// <summary>A directory of plugins that are shell scripts, and of whatever files a test needs.</summary>
internal sealed class ScriptDirectory : IDisposable
{
    internal string Path { get; } = Directory.CreateTempSubdirectory("patchbay-test-").FullName;

    /// <summary>The file of that name; what the scripts wrote there can be read by <see cref="Read"/>.</summary>
    internal string File(string name) => System.IO.Path.Combine(Path, name);

    internal string Read(string name) => System.IO.File.Exists(File(name)) ? System.IO.File.ReadAllText(File(name)) : "";

    /// <summary>Adds a plugin; <c>$D</c> is this directory.</summary>
    internal string Plugin(string name, string script)
    {
        string path = File(name);
        System.IO.File.WriteAllText(path, $"#!/bin/sh\nD='{Path}'\n{script}\n");
        System.IO.File.SetUnixFileMode(path, (UnixFileMode)0b111_101_101);
        return path;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
