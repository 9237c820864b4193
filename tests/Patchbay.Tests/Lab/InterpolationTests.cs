using Patchbay.Lab.Schema;

namespace Patchbay.Tests.Lab;

public class InterpolationTests
{
    [Theory]
    [InlineData("$A-x", "1-x")]
    [InlineData("${A}x", "1x")]
    [InlineData("$UNSET.", ".")]
    [InlineData("${UNSET:-d}", "d")]
    [InlineData("${EMPTY:-d}", "d")]
    [InlineData("${EMPTY-d}", "")]
    [InlineData("${UNSET-d}", "d")]
    [InlineData("${A:?no}", "1")]
    [InlineData("$$A", "$A")]
    [InlineData("5$", "5$")]
    [InlineData("$1", "$1")]
    [InlineData("${A", "${A")]
    [InlineData("${a_b1}", "low")]
    public void Variables_are_filled_in_as_in_compose(string text, string expected) => Assert.Equal(expected, Apply(text, out _));

    [Theory]
    [InlineData("${UNSET:?set it}", "the variable UNSET is not set: set it")]
    [InlineData("${EMPTY:?}", "the variable EMPTY is empty")]
    [InlineData("${UNSET?}", "the variable UNSET is not set")]
    [InlineData("${A+x}", "expected ${A}")]
    public void What_is_demanded_and_missing_is_told(string text, string expected)
    {
        Apply(text, out Problems problems);

        Assert.Contains(expected, Assert.Single(problems.All).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Used_variables_are_remembered()
    {
        Interpolation interpolation = new(name => name == "A" ? "1" : null, new Problems());
        interpolation.Apply(ConfigNode.Scalar("$A $B", default));

        Assert.Equal("1", interpolation.Used["A"]);
        Assert.Null(interpolation.Used["B"]);
    }

    private static string Apply(string text, out Problems problems)
    {
        problems = new Problems();
        return new Interpolation(LabText.Lookup(("A", "1"), ("EMPTY", ""), ("a_b1", "low")), problems).Apply(ConfigNode.Scalar(text, default)).Text;
    }
}
