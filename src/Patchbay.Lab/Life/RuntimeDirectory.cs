namespace Patchbay.Lab.Life;

/// <summary>Where labs that are up are remembered: <c>/run/patchbay</c>, or, for who is root in a user namespace only, that user's own directory.</summary>
internal static class RuntimeDirectory
{
    private const string Everybodys = "/run/patchbay";

    public static string Path { get; } = IsOwn() && Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } own ? $"{own}/patchbay" : Everybodys;

    // user_namespaces(7), uid_map: who is 0 here, and who that is outside.
    private static bool IsOwn() => File.ReadLines("/proc/self/uid_map").Any(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is ["0", not "0", _]);
}
