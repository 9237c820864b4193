using System.Diagnostics;
using System.Globalization;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Policy;

/// <summary>Containers by name, on one host or several, and real connections between them.</summary>
internal sealed class Traffic
{
    private static readonly string Connections = Repository.PathOf("tests/Patchbay.SystemTests/Policy/connections.py");

    private readonly Dictionary<string, (TestNamespace Space, string Address)> _containers = [];

    /// <summary>Takes a container that is connected, under one more name.</summary>
    public void Adopt(string name, TestNamespace container, string address) => _containers[name] = (container, address);

    public bool Knows(string name) => _containers.ContainsKey(name);

    public string AddressOf(string name) => _containers[name].Address;

    public TestNamespace SpaceOf(string name) => _containers[name].Space;

    /// <summary>Listens in a container: <c>"tcp/8080"</c>.</summary>
    public void Serve(string name, params string[] ports) => Assert.Equal("ready", Start(name, ["serve", .. ports]).NextLine());

    /// <summary>Tries real connections from a container.</summary>
    /// <param name="name">The container.</param>
    /// <param name="targets">Name and port of each: <c>"b:tcp/8080"</c>.</param>
    /// <returns>Those that were answered.</returns>
    public string[] Reached(string name, params string[] targets)
    {
        Dictionary<string, string> byAddress = targets.ToDictionary(Address);
        string output = _containers[name].Space.Run(["python3", Connections, "try", .. byAddress.Keys]).Check().StandardOutput;
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(each => each.Split(' ')).Where(each => each[1] == "yes").Select(each => byAddress[each[0]]).Order(StringComparer.Ordinal)];
    }

    /// <summary>Opens a TCP connection that stays.</summary>
    public HeldConnection Hold(string name, string to, int port) =>
        new(Start(name, ["hold", AddressOf(to), port.ToString(CultureInfo.InvariantCulture)]));

    /// <summary>Sends datagrams from one port, again and again.</summary>
    public Conversation Flow(string name, string to, int port)
    {
        Process process = Start(name, ["flow", AddressOf(to), port.ToString(CultureInfo.InvariantCulture)]);
        Assert.Equal("ready", process.NextLine());
        return new Conversation(process);
    }

    /// <summary>Answers datagrams, and sends one to the last sender when asked to.</summary>
    public Conversation Push(string name, int port)
    {
        Process process = Start(name, ["push", port.ToString(CultureInfo.InvariantCulture)]);
        Assert.Equal("ready", process.NextLine());
        return new Conversation(process);
    }

    /// <summary>Tries connections from a container all the time: <c>"b:tcp/80=yes"</c>, <c>"c:udp/80=no"</c>.</summary>
    public Conversation Watch(string name, params string[] expectations)
    {
        Process process = Start(name, ["watch", .. expectations.Select(each => $"{Address(each.Split('=')[0])}={each.Split('=')[1]}")]);
        return new Conversation(process);
    }

    private string Address(string target) => $"{AddressOf(target.Split(':')[0])}:{target.Split(':')[1]}";

    private Process Start(string name, IReadOnlyList<string> arguments) => _containers[name].Space.Start(["python3", Connections, .. arguments]);

    /// <summary>A program that answers each line with one.</summary>
    internal class Conversation(Process process)
    {
        /// <summary>How it is now: for what is watched, what ever was otherwise than expected, or "ok".</summary>
        public string Ask(string word = "word")
        {
            process.StandardInput.WriteLine(word);
            process.StandardInput.Flush();
            return process.NextLine() ?? "it ended";
        }
    }

    /// <summary>A connection that is open.</summary>
    internal sealed class HeldConnection : Conversation
    {
        internal HeldConnection(Process process)
            : base(process) => Assert.Equal("!", process.NextLine());

        /// <summary>Whether a word goes there and comes back.</summary>
        public bool Works() => Ask() == "word";
    }
}
