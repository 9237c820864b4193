using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Tools;

/// <summary>priv-net-run runs a command as if nothing stood between it and the shell, but for its network.</summary>
public sealed class PrivNetRunTests : IDisposable
{
    private readonly RunHost _run = new("priv-net-run");

    public void Dispose() => _run.Dispose();

    [Fact]
    public void Every_network_of_the_directory_becomes_an_interface()
    {
        Snapshot before = _run.Warm();

        CommandResult shown = _run.Run("ip", "-br", "-4", "addr").Check();

        Assert.Matches(@"(?s)^lo +UNKNOWN +127.0.0.1/8 \neth0@\S+ +UP +10.22.0.\d+/24 \neth1@\S+ +UP +10.23.0.\d+/24 \n$", shown.StandardOutput);
        Assert.Equal("", shown.StandardError);
        Assert.Equal(["ADD noted", "ADD noted", "DEL noted", "DEL noted"], _run.Noted.Calls);
        Assert.Matches("^priv-net-run-[0-9a-f]{12}$", _run.Id);
        Assert.Equal($"/run/netns/{_run.Id}", _run.Noted.Variable("ADD", "CNI_NETNS"));
        Assert.Equal("eth0", _run.Noted.Variable("DEL", "CNI_IFNAME")); // the last one: in reverse
        _run.AssertClean(before, _run.Id);
    }

    [Fact]
    public void Networks_and_interfaces_can_be_chosen()
    {
        Assert.Matches(@"^lo .*\nnet7@.* 10.23.0.\d+/24 \neth1@.* 10.22.0.\d+/24 \n$", _run.Run("--network", "db:net7", "--network=web", "ip", "-br", "-4", "addr").Check().StandardOutput);
        Assert.Matches(@"^lo .*\neth0@.* 10.23.0.\d+/24 \n$", _run.Run("--network", "db", "--", "ip", "-br", "-4", "addr").Check().StandardOutput);
    }

    [Theory]
    [InlineData(0, "true")]
    [InlineData(7, "sh", "-c", "exit 7")]
    [InlineData(127, "no-such-program")]
    [InlineData(126, "/etc/passwd")]
    [InlineData(137, "sh", "-c", "kill -KILL $$")]
    [InlineData(143, "sh", "-c", "kill -TERM $$")]
    public void Exit_status_is_the_command_s(int status, params string[] command)
    {
        Snapshot before = _run.Warm();
        CommandResult result = _run.Run(command);
        Assert.Equal(status, result.ExitCode);
        if (status is 126 or 127)
            Assert.Contains($"cannot run \"{command[0]}\"", result.StandardError, StringComparison.Ordinal);
        _run.AssertClean(before, _run.Id);
    }

    [Fact]
    public void Streams_arguments_variables_and_directory_pass_through()
    {
        Dictionary<string, string?> environment = _run.Environment;
        environment["COLOUR"] = "grün";
        string input = string.Concat(Enumerable.Repeat("line\n", 50_000));
        CommandResult result = _run.Host.Run(
            _run.Line("--network", "web", "sh", "-c", """pwd; echo "$COLOUR|$1|$2" >&2; cat""", "sh", "a  b", "-x"), input, environment);
        Assert.Equal($"{Environment.CurrentDirectory}\n{input}", result.Check().StandardOutput);
        Assert.Equal("grün|a  b|-x\n", result.StandardError);

        // bytes that are no UTF-8, in a variable and in an argument
        const string Script = """V=$(printf '\377'); export V; "$@" --network web sh -c 'printf "%s%s" "$V" "$1"' sh "$V" | od -An -tx1""";
        Assert.Equal("ff ff", _run.Host.Run(["sh", "-c", Script, "sh", .. _run.Line()], null, _run.Environment).Check().StandardOutput.Trim());
    }

    [Theory]
    [InlineData("TERM")]
    [InlineData("INT")]
    [InlineData("HUP")]
    [InlineData("USR1")]
    public void Signals_are_handed_on(string signal)
    {
        Snapshot before = _run.Warm();
        System.Diagnostics.Process tool = _run.StartReady($"trap 'echo got {signal}; exit 3' {signal}; touch {_run.FileOf("ready")}; while :; do sleep 0.05; done");
        RunHost.Send(signal, tool.Id);
        Assert.Equal($"got {signal}\n", tool.StandardOutput.ReadToEnd());
        tool.WaitForExit();
        Assert.Equal(3, tool.ExitCode);
        _run.AssertClean(before, _run.Id);
    }

    [Fact]
    public void A_key_at_the_terminal_comes_once()
    {
        Needs.Program("script");
        Snapshot before = _run.Warm();
        string command = $"n=0; trap 'n=$((n+1))' INT; touch {_run.FileOf("ready")}; until [ $n -gt 0 ]; do sleep 0.05; done; sleep 0.3; echo interrupts $n; tty -s && echo a terminal";
        File.WriteAllText(_run.FileOf("line"), string.Join(' ', _run.Line("--network", "web", "bash", "-c").Append($"\"$(cat {_run.FileOf("command")})\"")));
        File.WriteAllText(_run.FileOf("command"), command);
        System.Diagnostics.Process terminal = _run.Host.Start(["script", "-qec", $"sh {_run.FileOf("line")}", "/dev/null"], _run.Environment);
        _run.AwaitFile("ready");
        terminal.StandardInput.Write('\x03');
        terminal.StandardInput.Flush();
        string output = terminal.StandardOutput.ReadToEnd();
        Assert.Contains("interrupts 1\r\na terminal", output, StringComparison.Ordinal);
        _run.AssertClean(before, _run.Id);
    }

    [Fact]
    public void Sys_shows_the_namespace_and_what_else_was_there()
    {
        Assert.Equal("eth0\neth1\nlo\n", _run.Run("ls", "/sys/class/net").Check().StandardOutput);
        Assert.Equal(Command.Run(["sh", "-c", "ls /sys/fs/cgroup | head -3"]).StandardOutput, _run.Run("sh", "-c", "ls /sys/fs/cgroup | head -3").Check().StandardOutput);
        _run.Run("mount", "-t", "tmpfs", "tmpfs", "/mnt").Check(); // the command's mounts are its own
        Assert.DoesNotContain(File.ReadLines("/proc/self/mountinfo"), line => line.Split(' ')[4] == "/mnt");
    }

    [Fact]
    public void Variables_reach_the_plugins()
    {
        Dictionary<string, string?> environment = _run.Environment;
        environment["CNI_ARGS"] = "IgnoreUnknown=1;COLOUR=red";
        environment["CAP_ARGS"] = """{ "portMappings": [ { "hostPort": 8080, "containerPort": 80 } ] }""";
        _run.Host.Run(_run.Line("--network", "web", "true"), null, environment).Check();
        foreach (string command in (string[])["ADD", "DEL"])
        {
            Assert.Equal("IgnoreUnknown=1;COLOUR=red", _run.Noted.Variable(command, "CNI_ARGS"));
            Assert.Equal(8080, _run.Noted.Config(command).GetProperty("runtimeConfig").GetProperty("portMappings")[0].GetProperty("hostPort").GetInt32());
        }
    }

    [Theory]
    [InlineData("", "usage: priv-net-run")]
    [InlineData("--speed 9 true", "unknown option --speed")]
    [InlineData("--network", "--network needs a value")]
    [InlineData("--timeout never true", "--timeout must be a number of seconds above 0 and up to 86400, not \"never\"")]
    [InlineData("--network none true", "no net configuration with name \"none\"")]
    [InlineData("--network ../web true", "network name")]
    [InlineData("--network web:eth/0 true", "interface name")]
    [InlineData("--network web --network db:eth0 true", "two networks would get the interface eth0")]
    public void A_mistake_is_named(string line, string text)
    {
        CommandResult result = _run.Run(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal(125, result.ExitCode);
        Assert.Equal("", result.StandardOutput);
        Assert.Contains(text, result.StandardError, StringComparison.Ordinal);
        Assert.Empty(_run.Noted.Calls);
    }
}
