using System.Text;
using Patchbay.Lab.Engines;
using Patchbay.Lab.Engines.Docker;

namespace Patchbay.Tests.Lab.Engines;

/// <summary>What Docker and Podman of several versions send.</summary>
public class DockerMessageTests
{
    [Theory]
    // Docker 20.10, API 1.41: both the old fields and the new
    [InlineData("""{"status":"start","id":"f00d","from":"busybox","Type":"container","Action":"start","Actor":{"ID":"f00d","Attributes":{"name":"web"}},"scope":"local","time":1,"timeNano":2}""", EngineEventKind.Started)]
    // Docker 29, API 1.52: the new ones only
    [InlineData("""{"Type":"container","Action":"die","Actor":{"ID":"f00d","Attributes":{"exitCode":"137"}},"scope":"local","time":1,"timeNano":2}""", EngineEventKind.Died)]
    // before API 1.22: the old ones only
    [InlineData("""{"status":"pause","id":"f00d","from":"busybox","time":1}""", EngineEventKind.Paused)]
    // Podman 4.3
    [InlineData("""{"status":"unpause","id":"f00d","from":"localhost/busybox","Type":"container","Action":"unpause","Actor":{"ID":"f00d","Attributes":{"name":"web"}},"scope":"local","time":1,"timeNano":2,"HealthStatus":""}""", EngineEventKind.Unpaused)]
    [InlineData("""{"Type":"container","Action":"died","Actor":{"ID":"f00d"}}""", EngineEventKind.Died)]
    public void Event(string line, object kind) => Assert.Equal(((EngineEventKind)kind, "f00d"), DockerEngine.Read(Encoding.UTF8.GetBytes(line)));

    [Theory]
    [InlineData("""{"Type":"container","Action":"exec_start: sh","Actor":{"ID":"f00d"}}""")]
    [InlineData("""{"Type":"container","Action":"start","Actor":{}}""")]
    [InlineData("""{}""")]
    [InlineData("""null""")]
    public void Event_that_does_not_matter(string line) => Assert.Null(DockerEngine.Read(Encoding.UTF8.GetBytes(line)));

    [Fact]
    public async Task Outputs_are_taken_apart()
    {
        byte[] stream = [.. Piece(1, "out"), .. Piece(2, "error"), .. Piece(1, ""), .. Piece(1, "put")];
        Assert.Equal(("output", "error"), await OutputDemultiplexer.ReadAsync(new OneByteStream(stream), default));
        Assert.Equal(("", ""), await OutputDemultiplexer.ReadAsync(new MemoryStream(), default));
    }

    [Theory]
    [InlineData("0100000000")] // ends within a head
    [InlineData("0100000000000005 6162")] // ends within a piece
    [InlineData("0300000000000000")] // no such stream
    [InlineData("6c73203a20746865")] // plain text
    public async Task Output_that_is_none(string bytes) => await Assert.ThrowsAsync<InvalidDataException>(() =>
        OutputDemultiplexer.ReadAsync(new MemoryStream(Convert.FromHexString(bytes.Replace(" ", "", StringComparison.Ordinal))), default));

    [Fact]
    public async Task Of_an_endless_output_the_beginning_is_kept()
    {
        byte[] stream = [.. Enumerable.Repeat(Piece(1, new string('x', 1 << 19)), 3).SelectMany(piece => piece)];
        var (output, _) = await OutputDemultiplexer.ReadAsync(new MemoryStream(stream), default);
        Assert.Equal(ExecResult.MostOutput, output.Length);
    }

    private static byte[] Piece(byte stream, string text) => [stream, 0, 0, 0, (byte)(text.Length >> 24), (byte)(text.Length >> 16), (byte)(text.Length >> 8), (byte)text.Length, .. Encoding.UTF8.GetBytes(text)];

    private sealed class OneByteStream(byte[] bytes) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => base.ReadAsync(buffer[..Math.Min(1, buffer.Length)], cancellationToken);
    }
}
