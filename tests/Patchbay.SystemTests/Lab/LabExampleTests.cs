using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Lab;

/// <summary>Every file below examples/lab comes up as it is, and the commands of the tutorial do what its page says.</summary>
public class LabExampleTests
{
    /// <summary>What an example needs of the kernel; the others need nothing that not every kernel has.</summary>
    private static readonly Dictionary<string, Action> Wanted = new()
    {
        ["impaired"] = Needs.Netem,
        ["bursts"] = Needs.Netem,
        ["conlink1-impaired"] = () =>
        {
            Needs.Netem();
            Needs.Red();
        },
        ["vlans"] = Needs.BridgeVlanFiltering,
        ["macvlan"] = Needs.Macvlan,
        ["tunnel"] = Needs.Vxlan,
        ["conlink1-tunnel"] = Needs.Vxlan,
        ["kinds"] = () =>
        {
            Needs.Dummy();
            Needs.Vlan();
            Needs.Ipvlan();
        },
    };

    public static TheoryData<string> Files => [.. Directory.EnumerateFiles(Repository.PathOf("examples/lab"), "*.yaml").Select(Path.GetFileNameWithoutExtension).Order(StringComparer.Ordinal).OfType<string>()];

    [Theory]
    [MemberData(nameof(Files))]
    public void An_example_is_valid_and_comes_up(string name)
    {
        using LabHost lab = new();
        string file = Repository.PathOf($"examples/lab/{name}.yaml");
        lab.Run(["validate", file], new Dictionary<string, string?> { ["NODE_NAME"] = "node" }).Check();
        if (((string[])["services:", "container:", "mode: ovs"]).Any(word => File.ReadAllText(file).Contains(word, StringComparison.Ordinal)))
            return; // with engines, containers and Open vSwitch: DockerLabTests, SeedTests, LoanTests, OtherEngineTests
        if (Wanted.TryGetValue(name, out Action? needs))
            needs();
        lab.Host.Run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0-peer").Check();
        lab.Host.Run("ip", "link", "set", "eth0", "up").Check();
        Snapshot before = Snapshot.Take(lab.Host);

        lab.Lab("up", file, "--detach").Check();

        Assert.Equal(0, lab.Lab("plan", file).ExitCode);
        lab.Lab("down").Check();
        Assert.Empty(lab.Namespaces());
        // forwarded ports need forwarding, which is not taken away again
        before.AssertSame(Snapshot.Take(lab.Host));
    }

    [Fact]
    public void The_tutorial_does_what_it_says()
    {
        using LabHost lab = new();
        string[] files = [.. File.ReadAllText(Repository.PathOf("docs/lab/tutorial.md")).Split("```yaml\n").Skip(1).Select(part => part.Split("```")[0])];
        Assert.Equal(2, files.Length);

        lab.Up(files[0]);
        Assert.Contains(" 0% packet loss", lab.Lab("exec", "h1", "--", "ping", "-c", "1", "10.9.0.2").Check().StandardOutput, StringComparison.Ordinal);
        CommandResult plan = lab.Lab("plan", lab.Write(files[1]));
        Assert.Equal(3, plan.ExitCode);
        string page = File.ReadAllText(Repository.PathOf("docs/lab/tutorial.md"));
        Assert.All(plan.StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.Contains(line, page, StringComparison.Ordinal));
        lab.Lab("apply", lab.Write(files[1])).Check();
        Assert.Equal(0, lab.Lab("plan", lab.Write(files[1])).ExitCode);
    }
}
