using Patchbay.Plugins.Meta.Firewall.DBus;

namespace Patchbay.Tests.Firewall;

/// <summary>Messages of D-Bus, by the bytes that busctl(1) and dbus-daemon(1) exchange.</summary>
public class DBusTests
{
    // busctl call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus NameHasOwner s a.b
    [Fact]
    public void Call_with_a_text()
    {
        const string Expected =
            "6c010201 08000000 02000000 7f000000" // little endian, method call, no auto-start, version 1; body, serial, fields
            + "01016f00 15000000 2f6f72672f667265656465736b746f702f4442757300 0000" // path
            + "02017300 14000000 6f72672e667265656465736b746f702e4442757300 000000" // interface
            + "03017300 0c000000 4e616d654861734f776e657200 000000" // member
            + "06017300 14000000 6f72672e667265656465736b746f702e4442757300 000000" // destination
            + "08016700 017300 00" // signature, and the header's end
            + "03000000 612e6200";
        byte[] call = BusMessage.Call(2, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameHasOwner", ["a.b"]);
        Assert.Equal(Expected.Replace(" ", "", StringComparison.Ordinal), Convert.ToHexStringLower(call));
    }

    // The answer of dbus-daemon to that, and the same in the other byte order.
    [Theory]
    [InlineData("6c02010104000000030000003d000000" + "06017300050000003a312e3432000000" + "05017500020000000801670001620000" + "07017300140000006f72672e667265656465736b746f702e4442757300000000" + "01000000")]
    [InlineData("4202010100000004000000030000000f" + "05017500000000020801670001620000" + "00000001")]
    public void Answer_that_is_true(string hex)
    {
        byte[] message = Convert.FromHexString(hex);
        Assert.Equal(message.Length, BusReply.LengthOf(message));
        BusReply reply = BusReply.Read(message);
        Assert.Equal(BusMessage.MethodReturn, reply.Type);
        Assert.Equal(2u, reply.ReplySerial);
        Assert.True(reply.Boolean());
        Assert.Equal("", reply.Text());
    }

    [Fact]
    public void Mutated_messages_are_refused_or_read()
    {
        byte[] good = Convert.FromHexString("6c02010104000000030000003d000000" + "06017300050000003a312e3432000000" + "05017500020000000801670001620000" + "07017300140000006f72672e667265656465736b746f702e4442757300000000" + "01000000");
        var random = new Random(1);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] bad = (byte[])good.Clone();
            for (int n = random.Next(1, 5); n > 0; n--)
                bad[random.Next(bad.Length)] = (byte)random.Next(256);
            try
            {
                int length = BusReply.LengthOf(bad);
                Assert.InRange(length, 16, 2 << 20);
                BusReply reply = BusReply.Read(bad[..Math.Min(length, bad.Length)]);
                _ = reply.Text();
                _ = reply.Boolean();
            }
            catch (BusException)
            {
                // That is how it is refused.
            }
        }
    }

    [Theory]
    [InlineData("unix:path=/run/dbus/system_bus_socket", "/run/dbus/system_bus_socket")]
    [InlineData("tcp:host=localhost,port=1;unix:guid=12,path=%2ftmp%2Fa%20b", "/tmp/a b")]
    [InlineData("unix:abstract=/tmp/x;unix:path=/y", "\0/tmp/x", "/y")]
    [InlineData("unix:path=/100%", "/100%")]
    [InlineData("autolaunch:")]
    [InlineData("")]
    public void Sockets_of_an_address(string address, params string[] paths) => Assert.Equal(paths, SystemBus.Paths(address));
}
