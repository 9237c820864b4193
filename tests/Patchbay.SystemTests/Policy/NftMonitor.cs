using System.Diagnostics;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Policy;

/// <summary>What nft(8) sees happen: changes of the ruleset, and the way of packets that are traced.</summary>
internal static class NftMonitor
{
    /// <summary>The lines that it prints while something is done.</summary>
    public static string[] Watch(TestHost host, Action act)
    {
        Process monitor = host.Start(["nft", "monitor"]);
        string? line;
        while ((line = ProbeUntilSeen(host, monitor)) is not null && !line.Contains("beginning", StringComparison.Ordinal))
        {
        }

        act();
        host.Run("nft", "add", "table", "ip", "ending").Check();
        var seen = new List<string>();
        while ((line = monitor.NextLine()) is not null && !line.Contains("table ip ending", StringComparison.Ordinal))
        {
            if (!line.StartsWith('#') && !line.Contains("beginning", StringComparison.Ordinal))
                seen.Add(line);
        }

        host.Run("nft", "delete", "table", "ip", "ending").Check();
        monitor.Kill();
        return [.. seen];
    }

    // It listens once it shows a table that is added and deleted for that.
    private static string? ProbeUntilSeen(TestHost host, Process monitor)
    {
        Task<string?> line = monitor.StandardOutput.ReadLineAsync();
        while (!line.Wait(TimeSpan.FromMilliseconds(50)))
            host.Run("nft", "add", "table", "ip", "beginning", ";", "delete", "table", "ip", "beginning").Check();
        return line.Result;
    }
}
