using System.Text.Json;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.CloudFoundry;

/// <summary>The configuration of 2016 as it was published, from networker by wrapper and flannel to bridge, and the MTU that a container gets by it.</summary>
public sealed class PublishedConfigurationTests : IDisposable
{
    private const string Properties = """
        { "app_id": "d5bbc5ed-886a-44e6-945d-67df1013fa16", "org_id": "2ac41bbf-8eae-4f28-abab-51ca38dea3e4", "policy_group_id": "d5bbc5ed-886a-44e6-945d-67df1013fa16", "space_id": "4246c57d-aefc-49cc-afe0-5f734e2656e8" }
        """;

    private const string SubnetFile = "/run/flannel/subnet.env";
    private const string Datastore = "/var/lib/cni/cloudfoundry/datastore.json";

    private readonly CloudHost _cloud = new();

    public PublishedConfigurationTests()
    {
        Plugin.NeedsOurs("wrapper", "flannel", "bridge");
        Needs.OwnDirectories();
    }

    private TestHost Host => _cloud.Host;

    public void Dispose() => _cloud.Dispose();

    [Fact]
    public void Containers_of_the_published_configuration_talk_to_one_another_with_an_mtu_for_the_overlay()
    {
        Assert.Equal(1500, Host.IpJson("link show dev under0")[0].GetProperty("mtu").GetInt32());
        File.WriteAllText(SubnetFile, "FLANNEL_NETWORK=10.255.0.0/16\nFLANNEL_SUBNET=10.255.30.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n");
        _cloud.Network("30-cni-wrapper-plugin.conf", File.ReadAllText(Path.Combine(Repository.Root, "examples/cloudfoundry/30-cni-wrapper-plugin.conf")));
        TestNamespace one = Host.AddContainer(), two = Host.AddContainer();
        try
        {
            string first = AddressOf(_cloud.Up(one, $$"""{ "Properties": {{Properties}} }""", today: false));
            string second = AddressOf(_cloud.Up(two, today: false));
            JsonElement entry = JsonDocument.Parse(File.ReadAllText(Datastore)).RootElement.GetProperty(one.Name);
            Assert.Equal(first, entry.GetProperty("ip").GetString());
            Assert.Equal("4246c57d-aefc-49cc-afe0-5f734e2656e8", entry.GetProperty("metadata").GetProperty("space_id").GetString());
            Assert.Equal("cni-flannel0", Host.IpJson("link show type veth")[1].GetProperty("master").GetString());

            Assert.Equal(1450, one.IpJson("link show dev eth0")[0].GetProperty("mtu").GetInt32());
            one.Run("ping", "-c", "1", "-W", "5", "-M", "do", "-s", "1422", second).Check();
            Assert.NotEqual(0, one.Run("ping", "-c", "1", "-W", "1", "-M", "do", "-s", "1423", second).ExitCode);
        }
        finally
        {
            foreach (TestNamespace container in (TestNamespace[])[one, two])
            {
                _cloud.Networker("down", container.Name, today: false).Check();
                _cloud.Networker("down", container.Name, today: false).Check();
            }

            File.Delete(SubnetFile);
        }

        Assert.Equal("{}", File.ReadAllText(Datastore));
        Assert.Empty(Directory.GetFiles("/var/lib/cni/flannel"));
        Assert.DoesNotContain(Directory.GetFiles("/var/lib/cni/networks/cni-flannel"), file => Path.GetFileName(file).StartsWith("10.", StringComparison.Ordinal));
    }

    private static string AddressOf(CommandResult up) => up.Check().Json.GetProperty("properties").GetProperty("garden.network.container-ip").GetString()!;
}
