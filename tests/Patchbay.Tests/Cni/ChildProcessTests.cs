using System.Globalization;
using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;

namespace Patchbay.Tests.Cni;

public class ChildProcessTests
{
    [Fact]
    public void Input_outputs_arguments_and_status_pass_through()
    {
        ChildResult child = ChildProcess.Run("sh", ["-c", "cat; printf '%s|' \"$@\" >&2; exit 7", "sh", "a b", "", "ä'"], "in"u8.ToArray());
        Assert.Equal(("in", "a b||ä'|", 7, false), (Text(child.Output), Text(child.Error), child.ExitCode, child.Succeeded));
        Assert.Equal("exit status 7", child.Exit);
    }

    [Fact]
    public void Much_on_all_streams_at_once_does_not_lock_up()
    {
        byte[] input = new byte[3_000_000];
        Array.Fill(input, (byte)'x');
        ChildResult child = ChildProcess.Run("sh", ["-c", "head -c 2000000 /dev/zero >&2; cat; head -c 2000000 /dev/zero >&2"], input);
        Assert.Equal((3_000_000, 4_000_000), (child.Output.Length, child.Error.Length));
    }

    [Fact]
    public void The_environment_is_what_was_given()
    {
        ChildResult child = ChildProcess.Run("/usr/bin/env", [], variables: [new("A", "1 2"), new("B", "")]);
        Assert.Equal("A=1 2\nB=\n", Text(child.Output));
    }

    [Fact]
    public void A_program_dies_of_a_broken_pipe_as_it_should()
    {
        string ignored = Text(ChildProcess.Run("awk", ["/SigIgn/ {print $2}", "/proc/self/status"]).Output).Trim();
        Assert.Equal(0ul, ulong.Parse(ignored, NumberStyles.HexNumber, CultureInfo.InvariantCulture) & (1 << 12)); // SIGPIPE is 13
    }

    [Theory]
    [InlineData("/no/such/program", "cannot run \"/no/such/program\": No such file or directory")]
    [InlineData("/etc/passwd", "cannot run \"/etc/passwd\": Permission denied")]
    public void What_cannot_be_started_is_told(string file, string message) =>
        Assert.Equal(message, Assert.Throws<CniException>(() => ChildProcess.Run(file, [])).Message);

    [Fact]
    public void A_program_that_is_still_being_written_is_tried_again()
    {
        using ScriptDirectory scripts = new();
        string path = scripts.File("busy");
        File.Copy("/bin/true", path);
        FileStream writer = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        using Timer closer = new(_ => writer.Dispose(), null, 100, Timeout.Infinite);
        Assert.True(ChildProcess.Run(path, []).Succeeded);
    }

    [Fact]
    public void Waiting_for_a_program_that_is_still_being_written_ends_at_the_limit_and_on_a_cancellation()
    {
        using ScriptDirectory scripts = new();
        string path = scripts.File("busy");
        File.Copy("/bin/true", path);
        using FileStream writer = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        Assert.Throws<TimeoutException>(() => ChildProcess.Run(path, [], limit: TimeSpan.FromSeconds(0.1)));
        using CancellationTokenSource source = new(100);
        Assert.Throws<OperationCanceledException>(() => ChildProcess.Run(path, [], cancellation: source.Token));

        // Nobody stops the waiting: it stops by itself.
        Assert.Equal($"cannot run \"{path}\": Text file busy", Assert.Throws<CniException>(() => ChildProcess.Run(path, [], limit: TimeSpan.FromSeconds(60))).Message);
    }

    private static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);
}
