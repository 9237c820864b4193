using Patchbay.Lab.Plan;
using Patchbay.Lab.Schema;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Tests.Lab;

/// <summary>Impairments in the words of tc-netem(8).</summary>
public class NetemTextTests
{
    [Theory]
    [InlineData("rate 10mbit delay 40ms", "delay 40ms rate 10mbit")]
    [InlineData("delay 15ms 2ms loss 1%", "delay 15ms 2ms loss 1%")]
    [InlineData("delay 100 10 25% duplicate 0.1% reorder 25% 50% gap 5 corrupt 0.5%", "delay 100us 10us 25% duplicate 0.1% corrupt 0.5% reorder 25% 50% gap 5")]
    [InlineData("loss random 3% 10%", "loss 3% 10%")]
    [InlineData("delay 20ms 5ms 10% distribution pareto", "delay 20ms 5ms 10% distribution pareto")]
    [InlineData("distribution paretonormal delay 20ms 5ms limit 5000", "delay 20ms 5ms distribution paretonormal limit 5000")]
    [InlineData("delay 20ms 5ms distribution uniform", "delay 20ms 5ms")]
    [InlineData("loss gemodel 1%", "loss gemodel 1% 99% 100% 0%")]
    [InlineData("loss gemodel 1% 10% 70% 0.1%", "loss gemodel 1% 10% 70% 0.1%")]
    [InlineData("loss state 1% 90% 30% 80% 2% ecn", "loss state 1% 90% 30% 80% 2% ecn")]
    [InlineData("loss state 1%", "loss state 1% 99% 0% 100% 0%")]
    [InlineData("loss 5% ecn", "loss 5% ecn")]
    [InlineData("rate 5kbit 20 100 5", "rate 5kbit 20 100 5")]
    [InlineData("rate 5kbit -4", "rate 5kbit -4 0 0")]
    [InlineData("slot 800us 1ms packets 32 bytes 65536", "slot 800us 1ms packets 32 bytes 65536")]
    [InlineData("slot 2ms", "slot 2ms 2ms")]
    [InlineData("slot distribution normal 800us 100us packets 5", "slot distribution normal 800us 100us packets 5")]
    [InlineData("rate 10mbit", "rate 10mbit")]
    [InlineData("rate 10mbit red", "rate 10mbit red")]
    [InlineData("delay 5ms rate 10mbit red ecn", "rate 10mbit red ecn delay 5ms")]
    public void Are_read_as_tc_reads_them_and_written_so_that_they_can_be_read_again(string text, string expected)
    {
        Assert.Null(NetemReader.TryParse(text, out Impairment? impairment));
        Assert.Equal(expected, NetemText.Write(impairment));

        Assert.Null(NetemReader.TryParse(expected, out Impairment? again));
        Assert.Equal(expected, NetemText.Write(again));
    }

    [Theory]
    [InlineData("delay soon", "expected a time such as 40ms after \"delay\", found \"soon\"")]
    [InlineData("delay 5ms distribution normal", "\"distribution\" needs a \"delay\" that varies, such as 40ms 5ms")]
    [InlineData("delay 5ms 1ms distribution experimental", "expected one of uniform, normal, pareto, paretonormal after \"distribution\", found \"experimental\"")]
    [InlineData("loss gemodel", "expected a share such as 1% after \"loss gemodel\"")]
    [InlineData("loss state x", "expected a share such as 1% after \"loss state\", found \"x\"")]
    [InlineData("loss 1% loss gemodel 1%", "expected one \"loss\", found two")]
    [InlineData("delay 5ms ecn", "\"ecn\" needs \"loss\": it is what would be lost that is marked")]
    [InlineData("slot 0ms", "expected a time such as 800us after \"slot\", found \"0ms\"")]
    [InlineData("slot distribution normal 5ms", "expected a second time, by which the first varies, after \"slot distribution\"")]
    [InlineData("slot 5ms packets many", "expected a number after \"packets\", found \"many\"")]
    [InlineData("red", "\"red\" needs \"rate\": only where packets wait is there a queue")]
    [InlineData("rate 5kbit 20 red", "\"red\" and a rate that counts more bytes than there are exclude each other")]
    [InlineData("reorder 5%", "\"reorder\" needs \"delay\": what is not delayed overtakes nothing")]
    [InlineData("lose 1%", "expected one of delay, distribution, loss, ecn, duplicate, corrupt, reorder, gap, rate, slot, limit, red, found \"lose\"")]
    public void What_is_wrong_is_told(string text, string expected) => Assert.Equal(expected, NetemReader.TryParse(text, out _));

    [Fact]
    public void A_mistake_in_a_list_is_told_of_the_entry_that_has_it()
    {
        string told = Assert.Single(LabText.Problems("""
            nodes: [a]
            links:
              - node: a
                bridge: lan
                netem:
                  - delay 5ms 1ms
                  - distribution normal
                  - loss 1 percent
            """));

        Assert.Contains(":8:", told, StringComparison.Ordinal);
        Assert.EndsWith("found \"percent\"", told, StringComparison.Ordinal);
    }

    [Fact]
    public void A_rate_alone_is_done_by_a_bucket()
    {
        NetemReader.TryParse("rate 8mbit", out Impairment? rate);
        NetemReader.TryParse("rate 8mbit 20", out Impairment? overhead);
        NetemReader.TryParse("rate 8mbit red delay 1ms", out Impairment? red);

        Assert.Equal((null, 1_000_000UL), (rate!.Netem, rate.Rate));
        Assert.Equal((1_000_000UL, 0UL), (overhead!.Netem!.Rate, overhead.Rate));
        Assert.Equal((0UL, 1_000_000UL, EarlyDetection.Drop), (red!.Netem!.Rate, red.Rate, red.Red));
    }

    [Fact]
    public void Tables_of_distributions_are_in_order_and_about_their_mean()
    {
        foreach (NetemDistribution each in new[] { NetemDistribution.Normal, NetemDistribution.Pareto, NetemDistribution.ParetoNormal })
        {
            Assert.Equal(4096, each.Table.Count);
            Assert.True(each.Table.Zip(each.Table.Skip(1)).All(pair => pair.First <= pair.Second), each.Name);
            Assert.InRange(each.Table.Average(entry => entry), -400, 100); // the clipped end of pareto's is missing
        }

        Assert.Equal([-32768, -28307, -26871], NetemDistribution.Normal.Table.Take(3));
        Assert.Equal([-5461, -5460, -5460], NetemDistribution.Pareto.Table.Take(3));
    }
}
