using Patchbay.Lab.Engines.Containerd;

namespace Patchbay.Tests.Lab.Engines;

/// <summary>The encoding of protocol buffers, and the messages of containerd in it.</summary>
public class ProtoTests
{
    [Fact] // protoc --encode, of: 1: "ab", 2: { 1: "x" }
    public void Messages_are_written() =>
        Assert.Equal("0a026162 1203 0a0178".Replace(" ", "", StringComparison.Ordinal), Convert.ToHexStringLower(new ProtoWriter().Text(1, "ab").Text(3, "").Message(2, new ProtoWriter().Text(1, "x")).Written.Span));

    [Fact]
    public void Long_texts_have_long_lengths()
    {
        var written = new ProtoWriter().Text(200, new string('x', 300)).Written.Span;
        Assert.Equal("c20cac02", Convert.ToHexStringLower(written[..4]));
        var reader = new ProtoReader(written);
        Assert.True(reader.Next());
        Assert.Equal((200, 300), (reader.Field, reader.Text().Length));
        Assert.False(reader.Next());
    }

    [Fact] // an envelope of containerd 1.6.20: timestamp, namespace, topic, event
    public void Creation_of_a_task_is_read()
    {
        var inner = Bytes("0a03776562 12052f72756e2f 30d209"); // container_id "web", bundle "/run/", pid 1234
        var envelope = new ProtoWriter()
            .Message(1, new ProtoWriter().Text(1, "t")).Text(2, "default").Text(3, "/tasks/create").Message(4, ContainerdMessages.Any("containerd.events.TaskCreate", inner)).Written.Span;
        var (topic, task) = ContainerdMessages.Envelope(envelope);
        Assert.Equal(("/tasks/create", "web", 1234), (topic, ContainerdMessages.TaskEvent(task).Container, ContainerdMessages.TaskEvent(task).Pid));
    }

    [Fact]
    public void Exit_is_read() => Assert.Equal(("web", "exec1", 77), ContainerdMessages.TaskExit(Bytes("0a03776562 12056578656331 184d 2089 01 2a00")));

    [Fact]
    public void Tasks_are_read() =>
        Assert.Equal([new ContainerdTask("web", 1234, ContainerdTaskStatus.Running)], ContainerdMessages.Tasks(Bytes("0a0a 1203776562 18d209 2002")));

    [Fact]
    public void Labels_and_specification_are_read()
    {
        // labels { "a": "b" }, { "empty": "" }; a field of 64 bits and one of 32 that nobody knows; spec { value: "{}" }
        var (labels, specification) = ContainerdMessages.Container(Bytes("0a2a 0a03776562 1206 0a0161 120162 1207 0a05656d707479 49 0102030405060708 55 01020304 2a04 12027b7d"));
        Assert.Equal("b", labels["a"]);
        Assert.Equal("", labels["empty"]);
        Assert.Equal("{}"u8, specification);
    }

    [Theory]
    [InlineData("0a05 6162")] // a text longer than the message
    [InlineData("0a")] // no length
    [InlineData("08ff")] // a number that does not end
    [InlineData("08ffffffffffffffffffffff01")] // a number of more than ten bytes
    [InlineData("0b")] // a wire type that is no more
    [InlineData("0a ffffffffffffffffff01 00")] // a length of 2^64-1
    public void Damaged_messages_are_refused(string hex) => Assert.Throws<InvalidDataException>(() =>
    {
        var reader = new ProtoReader(Bytes(hex));
        while (reader.Next())
        {
        }
    });

    private static byte[] Bytes(string hex) => Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));
}
