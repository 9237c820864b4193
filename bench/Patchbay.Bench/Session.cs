namespace Patchbay.Bench;

/// <summary>What the scenarios of one run share.</summary>
internal sealed class Session(Options options, Peers peers, Workspace workspace, CancellationToken cancellation)
{
    internal Options Options => options;
    internal Peers Peers => peers;
    internal Workspace Workspace => workspace;
    internal CancellationToken Cancellation => cancellation;
    internal Results Results { get; } = new();
    internal LinkKinds Kinds { get; } = new(workspace);

    private static readonly long Start = TimeProvider.System.GetTimestamp();

    internal static void Log(string text) => Console.Error.WriteLine($"{TimeProvider.System.GetElapsedTime(Start).TotalSeconds,6:f1} {text}");
}
