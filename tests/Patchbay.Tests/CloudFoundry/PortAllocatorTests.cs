using Patchbay.Plugins.Meta.Wrapper;
using Patchbay.Plugins.Tools.Garden;

namespace Patchbay.Tests.CloudFoundry;

/// <summary>Ports of the host, and the file in which they are remembered.</summary>
public sealed class PortAllocatorTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("ports-").FullName;

    private string StateFile => Path.Combine(_directory, "state.json");

    private PortAllocator Ports => new(StateFile, 60000, 3);

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void The_lowest_free_port_comes_first_again()
    {
        Assert.Equal([new NetIn(60000, 8080), new NetIn(60001, 60001)], Ports.Acquire("a", [new NetIn(0, 8080), new NetIn(0, 0)], refuseOurs: true).Mappings);
        Assert.Equal([new NetIn(60002, 1)], Ports.Acquire("b", [new NetIn(0, 1)], refuseOurs: true).Mappings);
        Assert.Equal("""{"acquired_ports":{"a":[60000,60001],"b":[60002]}}""", State());

        Assert.Equal("port pool exhausted", Assert.Throws<NetworkerException>(() => Ports.Acquire("c", [new NetIn(0, 1)], refuseOurs: true)).Message);
        Ports.Release("a");
        Ports.Release("a");
        Assert.Equal([new NetIn(60000, 1)], Ports.Acquire("c", [new NetIn(0, 1)], refuseOurs: true).Mappings);
        Assert.Equal("""{"acquired_ports":{"b":[60002],"c":[60000]}}""", State());
    }

    [Fact]
    public void A_pool_that_is_too_small_gives_nothing()
    {
        Assert.Throws<NetworkerException>(() => Ports.Acquire("a", [.. Enumerable.Repeat(new NetIn(0, 1), 4)], refuseOurs: true));
        Assert.Equal("", State());
    }

    [Fact]
    public void A_port_by_number_is_used_and_not_remembered()
    {
        var (mappings, taken) = Ports.Acquire("a", [new NetIn(8080, 0)], refuseOurs: true);
        Assert.Equal([new NetIn(8080, 8080)], mappings);
        Assert.Empty(taken);
        Assert.False(File.Exists(StateFile));
        Assert.Equal("cannot specify port from allocation range", Assert.Throws<NetworkerException>(() => Ports.Acquire("a", [new NetIn(60002, 1)], refuseOurs: true)).Message);
        Assert.Equal([new NetIn(60000, 1), new NetIn(60001, 1)], Ports.Acquire("a", [new NetIn(60000, 1), new NetIn(0, 1)], refuseOurs: false).Mappings);
    }

    [Fact]
    public void Part_of_the_ports_can_be_released()
    {
        Ports.Acquire("a", [new NetIn(0, 1), new NetIn(0, 2)], refuseOurs: true);
        Ports.Release("a", [60001]);
        Assert.Equal("""{"acquired_ports":{"a":[60000]}}""", State());
        Ports.Release("a", [60000]);
        Assert.Equal("""{"acquired_ports":{}}""", State());
    }

    [Theory]
    [InlineData("""{"acquired_ports":{"a":[600""")]
    [InlineData("""{"acquired_ports":{"a":["x"]}}""")]
    public void A_damaged_file_is_told(string text)
    {
        File.WriteAllText(StateFile, text);
        Assert.Contains(StateFile, Assert.Throws<NetworkerException>(() => Ports.Acquire("b", [new NetIn(0, 1)], refuseOurs: true)).Message, StringComparison.Ordinal);
        Assert.Equal(text, State());
    }

    [Fact]
    public void Two_at_once_get_different_ports()
    {
        var ports = new PortAllocator(StateFile, 61000, 100);
        Parallel.For(0, 50, n => ports.Acquire($"c{n}", [new NetIn(0, 1), new NetIn(0, 2)], refuseOurs: false));
        Assert.Throws<NetworkerException>(() => ports.Acquire("late", [new NetIn(0, 1)], refuseOurs: false));
    }

    // Without a lock of its own: a program that another test starts just now may hold the allocator's for a moment.
    private string State()
    {
        using var reader = new StreamReader(new FileStream(StateFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return reader.ReadToEnd();
    }
}
