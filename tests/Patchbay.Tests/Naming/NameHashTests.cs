using Patchbay.Plugins.Naming;

namespace Patchbay.Tests.Naming;

/// <summary>Names as the reference plugins make them.</summary>
public class NameHashTests
{
    [Fact]
    public void Masquerading_chain() => Assert.Equal("CNI-6ef8579d92ac413d65a3ea87", NameHash.Chain("CNI-", "rnet", "ctr1"));

    [Fact]
    public void Port_mapping_chain_has_28_characters() => Assert.Equal(28, NameHash.Chain("CNI-DN-", "rnet", "ctr1").Length);

    [Fact]
    public void Bandwidth_link() => Assert.Equal("bwpa8eda89404b7", NameHash.Link("bwp", "cni-plugin-bandwidth-test", "dummy"));

    [Fact]
    public void Comment_of_a_rule()
    {
        Assert.Equal("6fd94d501e58f0aa", NameHash.Network("unit-test"));
        Assert.Equal("287fc69eff0574a2", NameHash.Instance("eth0", "one"));
    }
}
