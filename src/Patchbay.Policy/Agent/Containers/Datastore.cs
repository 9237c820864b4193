using System.Text.Json;

namespace Patchbay.Policy.Agent.Containers;

/// <summary>The file in which the CNI wrapper writes down which container has which address; docs/wrapper.md has its form.</summary>
/// <remarks>
/// Writers may replace the file or write over it; <c>FILE_version</c> has a number that moves after each change. So a text that cannot be read, or during whose
/// reading the number moved, is read again, and when that does not help the containers of before still count.
/// </remarks>
internal sealed class Datastore(string path)
{
    private const int Attempts = 5;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20); // a writer needs less than one for a thousand containers

    private (DateTime Written, long Length, string Version)? _stamp;

    /// <summary>The containers as they were read last; null as long as they never could be.</summary>
    internal IReadOnlyList<LocalContainer>? Containers { get; private set; }

    /// <summary>What was wrong with single entries.</summary>
    internal IReadOnlyList<string> Problems { get; private set; } = [];

    /// <summary>Reads the file if it may have changed.</summary>
    /// <returns>True when there are other containers than before.</returns>
    /// <exception cref="InvalidDataException">It cannot be read: it is missing, half-written or damaged. <see cref="Containers"/> are those of before.</exception>
    internal async Task<bool> RefreshAsync(CancellationToken cancel)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                return Read();
            }
            catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
            {
                throw new InvalidDataException($"{path}: it is not there; the CNI wrapper makes it with its first container", e);
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException or IOException or UnauthorizedAccessException)
            {
                // InvalidOperationException: half a pair of surrogates (System.Text.Json).
                if (attempt == Attempts)
                    throw new InvalidDataException($"{path}: {(e is JsonException or InvalidOperationException ? $"it is half-written or damaged: {e.Message}" : e.Message)}", e);
            }

            await Task.Delay(Pause, cancel);
        }
    }

    private bool Read()
    {
        (DateTime Written, long Length, string Version) stamp = Stamp();
        if (stamp == _stamp && Containers is not null)
            return false;
        byte[] text = File.ReadAllBytes(path);
        if (Stamp() != stamp)
            throw new IOException("it is written to all the time");
        var problems = new List<string>();
        List<LocalContainer> containers = ContainerDocument.Parse(text, problems);
        bool changed = Containers is null || containers.Count != Containers.Count || containers.Zip(Containers).Any(each => !each.First.IsSame(each.Second));
        (_stamp, Containers, Problems) = (stamp, containers, problems);
        return changed;
    }

    private (DateTime, long, string) Stamp()
    {
        var file = new FileInfo(path);
        string version = $"{path}_version";
        return (file.LastWriteTimeUtc, file.Length, File.Exists(version) ? File.ReadAllText(version) : "");
    }
}
