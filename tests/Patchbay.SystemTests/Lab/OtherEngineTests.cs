using System.Diagnostics;
using Patchbay.SystemTests.Engines;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Lab.Engines;
using Patchbay.SystemTests.Lab.Ovs;

namespace Patchbay.SystemTests.Lab;

/// <summary>Labs over what is not Docker: runc, containerd, Podman, and the bridges of Open vSwitch.</summary>
public class OtherEngineTests
{
    private const string Two = """
        bridges: [{ bridge: lan, mode: linux }]
        links:
          - { container: left, bridge: lan, dev: eth0, ip: 10.0.1.1/24 }
          - { container: right, bridge: lan, dev: eth0, ip: 10.0.1.2/24 }
        """;

    [Fact]
    public void Process_of_runc_finds_its_links_when_it_starts()
    {
        Needs.Program("runc");
        Needs.Program("busybox");
        using LabHost lab = new();
        RuncBundle bundle = new(lab.Host);
        string file = lab.Write($$"""
            bridges: [{ bridge: lan, mode: linux, ip: 10.0.1.254/24 }]
            links: [{ container: {{lab.Name}}, bridge: lan, dev: eth0, ip: 10.0.1.1/24, route: default via 10.0.1.254 }]
            """);
        Process up = lab.Host.Start([.. PatchbayProgram.Line, "lab", "up", "--name", lab.Name, "--hook-socket", bundle.HookSocket, file]);
        LabProcess.Says(up, "still waiting for");

        bundle.Make(["sh", "-c", "ip -o addr show dev eth0; ip route"]);
        string shown = bundle.Run().Check().StandardOutput;

        Assert.Contains("inet 10.0.1.1/24", shown, StringComparison.Ordinal);
        Assert.Contains("default via 10.0.1.254", shown, StringComparison.Ordinal);
        bundle.Delete();
        LabProcess.End(up);
    }

    [Fact]
    public void Containers_of_containerd()
    {
        using Containerd containerd = Containerd.Start(network: null);
        containerd.Machine.WriteFile("/run/lab.yaml", Two);
        Process up = containerd.Machine.Start([.. PatchbayProgram.Line, "lab", "up", "--containerd-socket", "/run/containerd/containerd.sock", "/run/lab.yaml"]);
        LabProcess.Says(up, "still waiting for");
        foreach (string name in (string[])["left", "right"])
            containerd.Ctr("run", "--detach", Containerd.Image, name, "sleep", "1000").Check();
        LabProcess.Says(up, "All links connected");
        containerd.Ctr("task", "exec", "--exec-id", "ping", "left", "ping", "-c", "1", "-W", "10", "10.0.1.2").Check();
    }

    [Fact]
    public void Containers_of_Podman_also_after_a_restart()
    {
        using var podman = new PodmanHost();
        podman.Sh("mkdir -p /run/podman");
        podman.Write("/run/lab.yaml", Two);
        podman.Start("podman", "system", "service", "--time=0", "unix:///run/podman/podman.sock");
        Wait.Until("the service listens", () => File.Exists(podman.PathOf("/run/podman/podman.sock")));
        Process up = podman.Start([.. PatchbayProgram.Line, "lab", "up", "--podman-socket", "/run/podman/podman.sock", "/run/lab.yaml"]);
        LabProcess.Says(up, "still waiting for");
        foreach (string name in (string[])["left", "right"])
            podman.Podman("run", "-d", "--network", "none", "--cap-add", "NET_RAW", "--name", name, "box", "sleep", "1000");
        LabProcess.Says(up, "All links connected");
        podman.Exec("left", "ping -c 1 -W 10 10.0.1.2");

        podman.Podman("restart", "--time", "0", "right");
        LabProcess.Says(up, "right: links connected");
        podman.Exec("left", "ping -c 1 -W 10 10.0.1.2");
    }

    [Fact]
    public void Podman_runs_a_container_for_a_lab()
    {
        using var podman = new PodmanHost();
        podman.Sh("mkdir -p /run/podman");
        podman.Write("/run/lab.yaml", """
            mininet-cfg:
              containers: [{name: h1, opts: {image: box, cmd: sh, ip: 10.0.1.1/24}}, {name: h2, opts: {image: box, cmd: [sleep, "1000"], ip: 10.0.1.2/24, run_args: "--hostname two"}}]
              links: [{left: h1, right: h2}]
              commands: [{node: h1, sync: true, command: [echo I am h1]}]
            """);
        podman.Start("podman", "system", "service", "--time=0", "unix:///run/podman/podman.sock");
        Wait.Until("the service listens", () => File.Exists(podman.PathOf("/run/podman/podman.sock")));
        Process up = podman.Start([.. PatchbayProgram.Line, "lab", "up", "--podman-socket", "/run/podman/podman.sock", "/run/lab.yaml"]);

        LabProcess.Says(up, "h1: I am h1");
        LabProcess.Says(up, "All links connected");
        podman.Exec("lab-h1", "ping -c 1 -W 10 10.0.1.2");
        Assert.Equal("two", podman.Inspect("lab-h2").GetProperty("Config").GetProperty("Hostname").GetString());

        podman.Podman("restart", "--time", "0", "lab-h2");
        LabProcess.Says(up, "h2: links connected");
        podman.Sh($"{string.Join(' ', PatchbayProgram.Line)} lab down --name lab");
        Assert.Equal("", podman.Podman("ps", "-aq"));
    }

    [Fact]
    public void Named_namespaces_in_place_of_containers()
    {
        using LabHost lab = new();
        string file = lab.Write(Two.Replace("left", $"{lab.Name}-left", StringComparison.Ordinal).Replace("right", $"{lab.Name}-right", StringComparison.Ordinal));
        Process up = lab.Host.Start([.. PatchbayProgram.Line, "lab", "up", "--name", lab.Name, "--namespaces", file]);
        LabProcess.Says(up, "still waiting for");
        foreach (string side in (string[])["left", "right"])
            Command.Run(["ip", "netns", "add", $"{lab.Name}-{side}"]).Check();
        LabProcess.Says(up, "All links connected");
        lab.In("left", "ping", "-c", "1", "-W", "10", "10.0.1.2").Check();

        // Another namespace of the same name is another container.
        Command.Run(["ip", "netns", "del", $"{lab.Name}-left"]).Check();
        Command.Run(["ip", "netns", "add", $"{lab.Name}-left"]).Check();
        LabProcess.Says(up, "left: links connected");
        lab.In("left", "ping", "-c", "1", "-W", "10", "10.0.1.2").Check();
        LabProcess.End(up);
        foreach (string side in (string[])["left", "right"])
        {
            Assert.DoesNotContain("eth0", lab.In(side, "ip", "-o", "link").Check().StandardOutput, StringComparison.Ordinal);
            Command.Run(["ip", "netns", "del", $"{lab.Name}-{side}"]).Check();
        }
    }

    [Fact]
    public void Bridge_of_Open_vSwitch()
    {
        Needs.Tun();
        using OvsHost ovs = new();
        string file = Repository.PathOf("examples/lab/open-vswitch.yaml");
        CommandResult Lab(string verb, params string[] more) => ovs.Host.Run([.. PatchbayProgram.Line, "lab", verb, "--name", ovs.Host.Name, "--ovs-socket", ovs.Socket, .. more]);
        try
        {
            Lab("up", "--detach", file).Check();
            Assert.Equal("lan\n", ovs.Vsctl("list-br").Check().StandardOutput);
            Assert.Equal(2, ovs.Vsctl("list-ports", "lan").Check().StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
            Command.Run(["ip", "netns", "exec", $"{ovs.Host.Name}-left", "ping", "-c", "1", "-W", "10", "10.0.1.2"]).Check();
            Lab("plan", file).Check(); // exit status 0: nothing would change
        }
        finally
        {
            Lab("down").Check();
        }

        Assert.Equal("", ovs.Vsctl("list-br").Check().StandardOutput);
        Assert.DoesNotContain(ovs.Host.IpJson("link show").EnumerateArray(), link => link.GetProperty("ifname").GetString() is not ("lo" or "ovs-netdev"));
    }
}
