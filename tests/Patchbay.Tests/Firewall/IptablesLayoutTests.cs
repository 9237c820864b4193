using Patchbay.Plugins.Meta.Firewall;

namespace Patchbay.Tests.Firewall;

/// <summary>Lines of iptables-save(8) as the firewall plugin compares them.</summary>
public class IptablesLayoutTests
{
    [Theory]
    [InlineData("-A CNI-FORWARD -s 10.1.0.5/32 -j ACCEPT", "-A CNI-FORWARD -s 10.1.0.5/32 -j ACCEPT")]
    [InlineData("-A FORWARD -m comment --comment \"CNI firewall plugin rules\" -j CNI-FORWARD", "-A FORWARD -j CNI-FORWARD")]
    [InlineData("-A FORWARD -m comment --comment \"a \\\" quote\" -j CNI-FORWARD", "-A FORWARD -j CNI-FORWARD")]
    [InlineData("-A FORWARD -m comment --comment word -j CNI-FORWARD", "-A FORWARD -j CNI-FORWARD")]
    [InlineData("-A FORWARD -j CNI-FORWARD -m comment --comment word", "-A FORWARD -j CNI-FORWARD")]
    [InlineData("-A FORWARD -j X -m comment --comment \"unended", "-A FORWARD -j X")]
    [InlineData("-A CNI-FORWARD -d FD00:0:0::5/128 -j ACCEPT", "-A CNI-FORWARD -d fd00::5/128 -j ACCEPT")]
    public void Comments_and_spellings_do_not_count(string saved, string normal) => Assert.Equal(normal, IptablesLayout.Normal(saved));

    [Fact]
    public void Chains_and_policies()
    {
        HashSet<string> lines = IptablesLayout.OfSaved([":FORWARD DROP [1:2]", ":CNI-FORWARD - [0:0]", ":INPUT ACCEPT [0:0]", "COMMIT"]);
        Assert.Contains(IptablesLayout.DropPolicy, lines);
        Assert.Contains(IptablesLayout.Chain(IptablesLayout.Containers), lines);
        Assert.True(IptablesLayout.Blocks(lines, policyOnly: true));
    }

    [Theory]
    [InlineData("-A FORWARD -j CNI-FORWARD", false)]
    [InlineData("-A FORWARD -j CNI-ISOLATION-STAGE-1", false)]
    [InlineData("-A FORWARD -j DOCKER-USER", true)]
    [InlineData("-A INPUT -j DROP", false)]
    [InlineData(":INPUT DROP [0:0]", false)]
    public void Rules_of_others_may_block(string line, bool blocks)
    {
        HashSet<string> lines = IptablesLayout.OfSaved([":FORWARD ACCEPT [0:0]", line]);
        Assert.Equal(blocks, IptablesLayout.Blocks(lines, policyOnly: false));
        Assert.False(IptablesLayout.Blocks(lines, policyOnly: true));
    }
}
