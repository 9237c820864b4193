using System.Net;
using Patchbay.Plugins.Naming;
using Patchbay.Plugins.PacketFilter;

namespace Patchbay.Tests.Naming;

/// <summary>Whose an iptables chain is.</summary>
public class ChainOwnerTests
{
    [Theory]
    [InlineData("eth0")]
    [InlineData("a\"b")]
    [InlineData("a\\")]
    [InlineData("'\\\"\\\\")]
    public void A_mark_tells_the_interface(string ifName)
    {
        string rule = ChainOwner.Rule("CNI-1", ifName);
        Assert.Equal(ifName, ChainOwner.Of(["-A CNI-2 -m comment --comment \"interface eth9\"", "-A CNI-1 -j ACCEPT", rule], "CNI-1"));
        Assert.Null(ChainOwner.Of([rule], "CNI-12"));
    }

    [Fact]
    public void Without_a_mark_addresses_tell()
    {
        IPAddress one = IPAddress.Parse("10.1.0.2"), other = IPAddress.Parse("10.1.0.3");
        Assert.True(ChainOwner.IsOthers(new HashSet<IPAddress> { one }, other));
        Assert.False(ChainOwner.IsOthers(new HashSet<IPAddress> { one }, one));
        Assert.False(ChainOwner.IsOthers(new HashSet<IPAddress> { one }, null));
        Assert.False(ChainOwner.IsOthers(new HashSet<IPAddress>(), other));
    }

    [Fact]
    public void A_valid_attachment_keeps_a_chain_that_is_its_own_or_nobodys()
    {
        var valid = new ValidChains();
        valid.Add("eth0", "CNI-1", "CNI-2");
        Assert.True(valid.Keeps("CNI-1", "eth0"));
        Assert.True(valid.Keeps("CNI-1", null));
        Assert.True(valid.Keeps("CNI-2", "eth0"));
        Assert.False(valid.Keeps("CNI-1", "eth1"));
        Assert.False(valid.Keeps("CNI-3", null));
    }

    [Fact]
    public void A_further_chain_has_a_name_of_the_same_length_and_of_its_own()
    {
        string first = NameHash.Chain("CNI-DN-", "net", "ctr"), further = NameHash.FurtherChain("CNI-DN-", "net", "ctr", "eth1");
        Assert.Equal(first.Length, further.Length);
        Assert.NotEqual(first, further);
        Assert.NotEqual(further, NameHash.FurtherChain("CNI-DN-", "net", "ctr", "eth2"));
    }
}
