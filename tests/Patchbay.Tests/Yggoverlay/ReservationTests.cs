using System.Net;
using System.Text;
using Patchbay.Cni.Plugin;
using Patchbay.Plugins.Meta.Yggoverlay;

namespace Patchbay.Tests.Yggoverlay;

/// <summary>A reservation's file: what was written is read, and what is damaged is none.</summary>
public class ReservationTests
{
    private static Reservation Example { get; } = new()
    {
        ContainerId = "ctr", IfName = "eth0", Network = "net", Name = "wéb", Address = IPAddress.Parse("300::1:1cd6:8036:d9af:97e2"), Subnet = IPNetwork.Parse("300:0:0:1::/64"),
        Netns = "/run/netns/ctr", Identity = new FileIdentity(4, 4026532000, IsRegular: true), Gateway = "cni0", Mode = WiringMode.Routed, Table = 4711, Priority = 50, Ingress = Ingress.Deny,
    };

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void It_is_read_as_it_was_written(bool released)
    {
        var written = Example with { IsReleased = released };
        Assert.Equal(written, Reservation.Parse(written.ToJson().ToArray()));
    }

    [Theory]
    [InlineData("\"gateway\": \"cni0\"", "\"gateway\": \"\"")]
    [InlineData("\"gateway\": \"cni0\"", "\"gateway\": \"../../etc\"")]
    [InlineData("\"containerID\": \"ctr\"", "\"containerID\": \"\"")]
    [InlineData("\"address\": \"300::1:1cd6:8036:d9af:97e2\"", "\"address\": \"x\"")]
    [InlineData("\"subnet\": \"300:0:0:1::/64\"", "\"subnet\": \"fd00::/64\"")]
    [InlineData("\"table\": 4711", "\"table\": -1")]
    [InlineData("{", "[")]
    [InlineData("}", "")]
    public void Damaged_it_is_none(string sound, string damaged)
    {
        var text = Encoding.UTF8.GetString(Example.ToJson().Span);
        Assert.Contains(sound, text, StringComparison.Ordinal);
        Assert.Null(Reservation.Parse(Encoding.UTF8.GetBytes(text.Replace(sound, damaged, StringComparison.Ordinal))));
    }
}
