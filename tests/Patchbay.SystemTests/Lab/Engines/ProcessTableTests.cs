using System.Diagnostics;
using System.Globalization;
using Patchbay.Lab.Engines;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Lab.Engines;

/// <summary>Numbers of processes are used again; the process of a container must not be taken for another's.</summary>
public class ProcessTableTests
{
    // A name with what separates the fields of /proc/PID/stat. By ns_last_pid (proc(5)) the next process gets the number that the last had.
    private const string Script = """
        cp "$(command -v sleep)" "$0/a) b (c"
        "$0/a) b (c" 1000 & first=$!
        echo $first; read -r go
        kill $first; wait $first 2>/dev/null
        # Two that start within one tick, 10 ms, could not be told apart; nothing starts as fast as that, but for this script.
        now() { read -r up _ </proc/uptime; echo "$up"; }
        then=$(now); while [ "$(now)" = "$then" ]; do :; done
        until [ "${second:-}" = $first ]; do
            [ -z "${second:-}" ] || { kill $second; wait $second 2>/dev/null; }
            echo $((first - 1)) >/proc/sys/kernel/ns_last_pid
            sleep 1000 & second=$!
        done
        echo $second; read -r go
        """;

    [Fact]
    public void Number_that_is_used_again_is_another_process()
    {
        using TestHost host = TestHost.Create();
        Process machine = host.Start(["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--", "bash", "-c", Script, host.Directory]);
        int first = int.Parse(machine.NextLine()!, CultureInfo.InvariantCulture);
        string init = Command.Run(["pgrep", "-P", $"{machine.Id}"]).Check().StandardOutput.Trim();
        var processes = new ProcessTable($"/proc/{init}/root/proc");
        ulong? start = processes.StartTime(first);
        Assert.NotNull(start);
        Assert.Null(processes.StartTime(first + 1000));
        Assert.True(Path.Exists(processes.NamespaceOf(first)));

        machine.StandardInput.WriteLine();
        Assert.Equal(first, int.Parse(machine.NextLine()!, CultureInfo.InvariantCulture));
        Assert.NotEqual(start, processes.StartTime(first));
        Assert.NotNull(processes.StartTime(first));
    }
}
