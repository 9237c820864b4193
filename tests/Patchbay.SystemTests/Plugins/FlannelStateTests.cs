using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>flannel: what it notes of attachments, and what it does without.</summary>
public sealed class FlannelStateTests : IDisposable
{
    private readonly FlannelHost _f = new();

    private TestHost Host => _f.Host;

    public void Dispose() => _f.Dispose();

    // The reference removes its note first, so that the second DEL does nothing and the address is lost.
    [Fact]
    public void An_attachment_is_forgotten_only_when_the_delegate_has_deleted_it()
    {
        TestNamespace container = Host.AddContainer();
        var script = new ScriptPlugin(Host, "elsewhere", """
            case $CNI_COMMAND in
            ADD) echo '{ "cniVersion": "1.0.0" }' ;;
            DEL) if [ -e "$0.ill" ]; then echo '{ "code": 123, "msg": "not now" }'; exit 1; fi ;;
            esac
            """);
        var path = new Dictionary<string, string?> { ["CNI_PATH"] = script.Directory };
        string config = _f.Config("""{ "delegate": { "type": "elsewhere", "mark": "first" } }""");
        _f.Flannel.Invoke("ADD", config, "a", container.Path, "eth0", environment: path).Check();
        File.WriteAllText(Path.Combine(script.Directory, "elsewhere.ill"), "");

        _f.Flannel.Invoke("DEL", config, "a", container.Path, "eth0", environment: path).Failed(123, "not now");
        Assert.Equal(["a"], _f.Noted);
        File.Delete(Path.Combine(script.Directory, "elsewhere.ill"));
        // With what it was made with, whatever the configuration is now, and whether or not there is a lease.
        File.Delete(_f.SubnetFile);
        string changed = _f.Config("""{ "delegate": { "type": "bridge", "mark": "second" } }""");
        _f.Flannel.Invoke("DEL", changed, "a", container.Path, "eth0", environment: path).Check();

        Assert.Empty(_f.Noted);
        Assert.Equal(["ADD elsewhere", "DEL elsewhere", "DEL elsewhere"], script.Calls);
        Assert.Equal("first", script.Config("DEL").Text("mark"));
        Assert.Equal("10.244.7.0/24", script.Config("DEL").GetProperty("ipam").GetProperty("ranges")[0][0].Text("subnet"));
    }

    // The reference has one note for both.
    [Theory]
    [InlineData("net")]
    [InlineData("net2")]
    public void Two_attachments_of_a_container_are_kept_apart(string second)
    {
        TestNamespace container = Host.AddContainer();
        string first = _f.Config(), other = _f.Config("""{ "delegate": { "bridge": "cni1", "hairpinMode": true } }""", network: second);
        PluginResult eth0 = _f.Flannel.Add(container, first).Check();
        PluginResult eth1 = _f.Flannel.Add(container, other, "eth1").Check();

        Assert.Equal([container.Name, $"{container.Name}:eth1"], _f.Noted);
        _f.Flannel.Check(container, Conf.WithResult(first, eth0)).Check();
        _f.Flannel.Check(container, Conf.WithResult(other, eth1), "eth1").Check();
        for (int time = 0; time < 2; time++)
            _f.Flannel.Delete(container, first).Check();
        Assert.Equal([$"{container.Name}:eth1"], _f.Noted);
        Assert.False(container.HasLink("eth0"));
        _f.Flannel.Check(container, Conf.WithResult(other, eth1), "eth1").Check();
        _f.Flannel.Delete(container, other, "eth1").Check();

        Assert.Empty(_f.Noted);
        Assert.Empty(_f.Given());
        Assert.Empty(_f.Given("net2"));
    }

    [Fact]
    public void What_the_reference_noted_is_found_and_what_ours_noted_it_can_delete()
    {
        TestNamespace container = Host.AddContainer();
        Plugin bridge = ReferencePlugins.Plugin(Host, "bridge");
        Snapshot before = Snapshot.Take(Host, except: "cni0");
        // All that the reference flannel does: a note, then the bridge with that very text; and with it again for DEL.
        string made = $$"""
            { "cniVersion": "1.0.0", "name": "net", "type": "bridge", "mtu": 1450, "ipMasq": false, "isGateway": true,
              "ipam": { "type": "host-local", "dataDir": "{{_f.Addresses}}", "ranges": [[{ "subnet": "10.244.7.0/24" }]], "routes": [{ "dst": "10.244.0.0/16" }] } }
            """;
        Directory.CreateDirectory(_f.States);
        string note = Path.Combine(_f.States, container.Name);
        File.WriteAllText(note, made);
        PluginResult theirs = bridge.Add(container, made).Check();
        string config = _f.Config();

        _f.Flannel.Check(container, Conf.WithResult(config, theirs)).Check();
        _f.Flannel.Delete(container, Conf.WithResult(config, theirs)).Check();
        before.AssertSame(Snapshot.Take(Host, except: "cni0"));

        PluginResult ours = _f.Flannel.Add(container, config).Check();
        Assert.Equal(Conf.Comparable(theirs, container).Replace("10.244.7.2/", "10.244.7.3/", StringComparison.Ordinal), Conf.Comparable(ours, container));
        bridge.Delete(container, File.ReadAllText(note)).Check();
        File.Delete(note);
        before.AssertSame(Snapshot.Take(Host, except: "cni0"));
    }

    [Fact]
    public void What_the_reference_noted_for_another_interface_stays()
    {
        TestNamespace container = Host.AddContainer();
        Directory.CreateDirectory(_f.States);
        string note = Path.Combine(_f.States, container.Name), text = """{ "name": "net", "type": "bridge" }""";
        File.WriteAllText(note, text);

        _f.Flannel.Add(container, _f.Config(), "eth1").Check();

        Assert.Equal(text, File.ReadAllText(note));
        Assert.Equal([container.Name, $"{container.Name}:eth1"], _f.Noted);
        _f.Flannel.Delete(container, _f.Config(), "eth1").Check();
        Assert.Equal([container.Name], _f.Noted);
        // Nor is the note of another network this one's.
        _f.Flannel.Delete(container, _f.Config(network: "net2")).Check();
        Assert.Equal([container.Name], _f.Noted);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Without_a_note_the_lease_or_the_result_tells_what_to_delete(bool lease, bool damaged)
    {
        TestNamespace container = Host.AddContainer();
        Snapshot before = Snapshot.Take(Host, except: "cni0");
        string config = _f.Config();
        PluginResult added = _f.Flannel.Add(container, config).Check();
        string note = Path.Combine(_f.States, container.Name);
        if (damaged)
            File.WriteAllText(note, File.ReadAllText(note)[..40]);
        else
            File.Delete(note);
        if (!lease)
            File.Delete(_f.SubnetFile);

        _f.Flannel.Check(container, Conf.WithResult(config, added)).Failed(999, note);
        _f.Flannel.Delete(container, lease ? config : Conf.WithResult(config, added)).Check();

        before.AssertSame(Snapshot.Take(Host, except: "cni0"));
    }

    [Fact]
    public void Without_anything_there_is_nothing_to_delete()
    {
        TestNamespace container = Host.AddContainer();
        File.Delete(_f.SubnetFile);

        _f.Flannel.Delete(container, _f.Config()).Check();
        _f.Flannel.Invoke("DEL", _f.Config("""{ "prevResult": { "ips": 7 } }"""), "a", "", "eth0").Check();
        _f.Flannel.Invoke("DEL", _f.Config(), "a", "/run/netns/pb-none", "eth0").Check();
    }

    [Fact]
    public void Delete_without_namespace_gives_the_address_back()
    {
        TestNamespace container = Host.AddContainer();
        _f.Flannel.Add(container, _f.Config()).Check();

        _f.Flannel.Invoke("DEL", _f.Config(), container.Name, "", "eth0").Check();

        Assert.Empty(_f.Noted);
        Assert.Empty(_f.Given());
    }

    [Fact]
    public void Failed_add_leaves_nothing_and_harms_no_attachment()
    {
        TestNamespace container = Host.AddContainer();
        container.Run("ip", "link", "add", "taken", "type", "bridge").Check();
        string config = _f.Config();
        PluginResult added = _f.Flannel.Add(container, config).Check();
        Snapshot before = Snapshot.Take(Host);

        _f.Flannel.Add(container, config, "taken").Failed(999, "taken", "already exists");
        _f.Flannel.Add(container, config).Failed(999, "eth0", "already exists");
        _f.Flannel.Invoke("ADD", config, "a", "/run/netns/pb-none", "eth0").Failed(8, "/run/netns/pb-none");
        _f.Flannel.Add(container, _f.Config("""{ "ipam": { "routes": [{ "dst": "192.0.2.0/24", "gw": "203.0.113.1" }] } }"""), "eth1").Failed(999, "192.0.2.0/24");
        _f.Flannel.Add(container, _f.Config("""{ "delegate": { "type": "pb-none" } }"""), "eth1").CheckError(999);
        before.AssertSame(Snapshot.Take(Host));

        _f.Flannel.Check(container, Conf.WithResult(config, added)).Check();
    }

    [Theory]
    [InlineData("ip link del eth0", "eth0")]
    [InlineData("ip addr del 10.244.7.2/24 dev eth0", "10.244.7.2/24")]
    [InlineData("ip route del 10.244.0.0/16", "10.244.0.0/16")]
    public void Check_finds_what_the_delegate_finds(string change, string text)
    {
        TestNamespace container = Host.AddContainer();
        string config = _f.Config();
        PluginResult added = _f.Flannel.Add(container, config).Check();
        container.Run(change.Split(' ')).Check();

        _f.Flannel.Check(container, Conf.WithResult(config, added)).Failed(999, text);
    }

    [Fact]
    public void Check_finds_another_lease_and_does_not_mind_that_there_is_none()
    {
        TestNamespace container = Host.AddContainer();
        string config = _f.Config();
        PluginResult added = _f.Flannel.Add(container, config).Check();
        File.WriteAllText(_f.SubnetFile, FlannelHost.Lease.Replace("10.244.7.1", "10.244.8.1", StringComparison.Ordinal));

        _f.Flannel.Check(container, Conf.WithResult(config, added)).Failed(999, "10.244.7.0/24", "10.244.8.0/24", _f.SubnetFile);

        File.Delete(_f.SubnetFile);
        _f.Flannel.Check(container, Conf.WithResult(config, added)).Check();
    }

    [Fact]
    public void Container_ids_as_long_as_a_file_name()
    {
        TestNamespace container = Host.AddContainer();
        string id = new('c', 253), config = _f.Config(version: "1.1.0");
        _f.Flannel.Add(container, config, containerId: id).Check();
        _f.Flannel.Add(container, config, "eth1", id).Check();
        Assert.Equal(2, _f.Noted.Length);

        JsonObject gc = JsonNode.Parse(config)!.AsObject();
        gc["cni.dev/valid-attachments"] = new JsonArray(new JsonObject { ["containerID"] = id, ["ifname"] = "eth1" });
        _f.Flannel.Invoke("GC", gc.ToJsonString()).Check();

        Assert.StartsWith(":", Assert.Single(_f.Noted), StringComparison.Ordinal);
        _f.Flannel.Delete(container, config, "eth1", id).Check();
        Assert.Empty(_f.Noted);
        Assert.Empty(_f.Given());
    }

    [Fact]
    public void Collection_deletes_attachments_that_are_gone()
    {
        TestNamespace a = Host.AddContainer(), b = Host.AddContainer();
        string config = _f.Config(version: "1.1.0"), other = _f.Config("""{ "delegate": { "bridge": "cni1" } }""", "1.1.0", "net2");
        _f.Flannel.Add(a, config).Check();
        _f.Flannel.Add(b, config).Check();
        _f.Flannel.Add(b, config, "eth1").Check();
        _f.Flannel.Add(b, other, "eth2").Check();
        File.WriteAllText(Path.Combine(_f.States, "dead"), """{ "name": "net", "type": "bridge" }""");
        File.WriteAllText(Path.Combine(_f.States, ":new-0123"), "{");
        string[] all = _f.Noted;

        _f.Flannel.Invoke("GC", config).Check();
        Assert.Equal(all, _f.Noted);
        // Not even the lease is needed.
        File.Delete(_f.SubnetFile);
        Collect((a.Name, "eth0"), (b.Name, "eth1"));
        Assert.Equal([a.Name, $"{b.Name}:eth1", $"{b.Name}:eth2"], _f.Noted);
        Assert.Equal(["10.244.7.2", "10.244.7.4"], _f.Given());
        Collect();
        Assert.Equal([$"{b.Name}:eth2"], _f.Noted);
        Assert.Empty(_f.Given());
        Assert.Equal(["10.244.7.2"], _f.Given("net2"));

        void Collect(params (string Id, string IfName)[] valid)
        {
            JsonObject gc = JsonNode.Parse(config)!.AsObject();
            gc["cni.dev/valid-attachments"] = new JsonArray([.. valid.Select(v => new JsonObject { ["containerID"] = v.Id, ["ifname"] = v.IfName })]);
            _f.Flannel.Invoke("GC", gc.ToJsonString()).Check();
        }
    }
}
