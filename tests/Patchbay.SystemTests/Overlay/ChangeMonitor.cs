using System.Diagnostics;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Plugins;

namespace Patchbay.SystemTests.Overlay;

/// <summary>ip monitor, by which every change of a host's links, addresses and routes is seen from when it is made on.</summary>
internal sealed class ChangeMonitor : IDisposable
{
    private const string Mark = "198.51.100.77";

    private readonly Process _process;
    private readonly TestHost _host;
    private readonly List<string> _lines = [];
    private int _marks;

    internal ChangeMonitor(TestHost host)
    {
        _host = host;
        _process = host.Start(["ip", "-4", "monitor", "link", "address", "route"]);
        _process.OutputDataReceived += (_, line) =>
        {
            lock (_lines)
                _lines.Add(line.Data ?? "");
        };
        _process.BeginOutputReadLine();
        Wait.Until("ip monitor to listen", () => Marked() && Seen() > 0);
        _ = Changes();
    }

    /// <summary>What was changed since the last question, as ip(8) prints it.</summary>
    internal string Changes()
    {
        Marked();
        int mark = _marks;
        Wait.Until("ip monitor to catch up", () => Seen() == mark);
        lock (_lines)
        {
            string changes = string.Join('\n', _lines.Where(each => each.Length > 0 && !each.Contains(Mark, StringComparison.Ordinal)));
            _lines.RemoveAll(each => !each.Contains(Mark, StringComparison.Ordinal));
            return changes;
        }
    }

    public void Dispose() => _process.Kill();

    // A route whose metric is a number that counts up.
    private bool Marked()
    {
        _host.Ip($"route add {Mark}/32 dev lo metric {++_marks}");
        return true;
    }

    private int Seen()
    {
        lock (_lines)
            return _lines.Where(each => each.Contains(Mark, StringComparison.Ordinal)).Select(each => int.Parse(each.Split("metric ")[1].Split(' ')[0], null)).LastOrDefault();
    }
}
