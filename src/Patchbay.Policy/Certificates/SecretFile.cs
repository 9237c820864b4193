namespace Patchbay.Policy.Certificates;

/// <summary>Files that only their owner may read, from their first byte on.</summary>
internal static class SecretFile
{
    internal static void Write(string path, string text)
    {
        File.Delete(path); // an older file may have other permissions
        using var stream = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        stream.Write(System.Text.Encoding.UTF8.GetBytes(text));
    }
}
