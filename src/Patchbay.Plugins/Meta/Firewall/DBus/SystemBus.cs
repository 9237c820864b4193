using System.Globalization;
using System.Text;

namespace Patchbay.Plugins.Meta.Firewall.DBus;

/// <summary>A connection to the system bus: enough of D-Bus to ask somebody for something and to wait for the answer.</summary>
internal sealed class SystemBus : IDisposable
{
    private const string AddressVariable = "DBUS_SYSTEM_BUS_ADDRESS";
    private const string DefaultAddress = "unix:path=/run/dbus/system_bus_socket"; // the specification's /var/run is a link to it
    private const string Bus = "org.freedesktop.DBus";
    private const string BusPath = "/org/freedesktop/DBus";
    private const int LongestLine = 1024;

    private readonly BusSocket _socket;
    private uint _serial;

    private SystemBus(BusSocket socket) => _socket = socket;

    /// <summary>Connects to the bus that DBUS_SYSTEM_BUS_ADDRESS names, or to the usual one.</summary>
    /// <param name="limit">How long all that is done with it may take.</param>
    /// <exception cref="BusException">There is none, or it does not want us.</exception>
    internal static SystemBus Connect(TimeSpan limit)
    {
        var text = Environment.GetEnvironmentVariable(AddressVariable);
        BusException? failure = null;
        foreach (var path in Paths(string.IsNullOrEmpty(text) ? DefaultAddress : text))
        {
            BusSocket? socket = null;
            try
            {
                socket = BusSocket.Connect(path, limit);
                var bus = new SystemBus(socket);
                bus.Authenticate();
                bus.Call(Bus, BusPath, Bus, "Hello");
                return bus;
            }
            catch (BusException error)
            {
                socket?.Dispose();
                failure = error;
            }
        }

        throw failure ?? new BusException($"{AddressVariable} \"{text}\" names no UNIX-domain socket that could be connected to (unix:path=… or unix:abstract=…)");
    }

    /// <summary>Tells whether somebody has a name on the bus.</summary>
    internal bool HasOwner(string name) => Call(Bus, BusPath, Bus, "NameHasOwner", name).Boolean();

    /// <summary>Calls a method whose arguments are texts, and waits for the answer.</summary>
    /// <exception cref="BusException">The answer is an error, or there is none.</exception>
    internal BusReply Call(string destination, string path, string type, string member, params ReadOnlySpan<string> arguments)
    {
        var serial = ++_serial;
        _socket.Send(BusMessage.Call(serial, destination, path, type, member, arguments));
        while (true)
        {
            var reply = Receive();
            if (reply.ReplySerial != serial || reply.Type is not (BusMessage.MethodReturn or BusMessage.Error))
                continue; // signals come unasked
            if (reply.Type == BusMessage.MethodReturn)
                return reply;
            throw new BusException(reply.Text() is { Length: > 0 } text ? text : reply.ErrorName) { ErrorName = reply.ErrorName };
        }
    }

    public void Dispose() => _socket.Dispose();

    /// <summary>The sockets that an address names (D-Bus specification, "Server Addresses"), those of other kinds left out.</summary>
    internal static IEnumerable<string> Paths(string addresses)
    {
        foreach (var address in addresses.Split(';'))
        {
            if (!address.StartsWith("unix:", StringComparison.Ordinal))
                continue;
            foreach (var pair in address["unix:".Length..].Split(','))
            {
                if (pair.StartsWith("path=", StringComparison.Ordinal))
                    yield return Unescape(pair["path=".Length..]);
                else if (pair.StartsWith("abstract=", StringComparison.Ordinal))
                    yield return $"\0{Unescape(pair["abstract=".Length..])}";
            }
        }
    }

    // EXTERNAL: who we are is what the kernel tells the bus about the socket (D-Bus specification, "Authentication Protocol").
    private void Authenticate()
    {
        var user = Convert.ToHexStringLower(Encoding.ASCII.GetBytes(Libc.geteuid().ToString(CultureInfo.InvariantCulture)));
        _socket.Send(Encoding.ASCII.GetBytes($"\0AUTH EXTERNAL {user}\r\n"));
        var line = new List<byte>();
        Span<byte> next = stackalloc byte[1];
        while (line.Count < LongestLine && (line.Count == 0 || line[^1] != (byte)'\n'))
        {
            _socket.Receive(next);
            line.Add(next[0]);
        }

        var answer = Encoding.ASCII.GetString([.. line]).TrimEnd();
        if (!answer.StartsWith("OK", StringComparison.Ordinal))
            throw new BusException($"the system bus refuses us: {answer}");
        _socket.Send("BEGIN\r\n"u8);
    }

    private BusReply Receive()
    {
        var start = new byte[BusReply.FixedSize];
        Fill(start);
        var message = new byte[BusReply.LengthOf(start)];
        start.CopyTo(message, 0);
        Fill(message.AsSpan(start.Length));
        return BusReply.Read(message);
    }

    private void Fill(Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
            buffer = buffer[_socket.Receive(buffer)..];
    }

    // "%2f" is a slash.
    private static string Unescape(string text)
    {
        var bytes = new List<byte>();
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '%' && i + 2 < text.Length && byte.TryParse(text.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code))
            {
                bytes.Add(code);
                i += 2;
            }
            else
            {
                bytes.AddRange(Encoding.UTF8.GetBytes(text[i].ToString()));
            }
        }

        return Encoding.UTF8.GetString([.. bytes]);
    }
}
