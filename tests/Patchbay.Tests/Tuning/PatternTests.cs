using Patchbay.Plugins.Meta.Tuning;

namespace Patchbay.Tests.Tuning;

/// <summary>The regular expressions of tuning's list of allowed settings, as RE2 reads them.</summary>
public class PatternTests
{
    [Theory]
    [InlineData("net.core.somaxconn", "net.core.somaxconn", true)]
    [InlineData("net.core.somaxconn", "xnet/core/somaxconn2", true)] // unanchored, and a dot is any character
    [InlineData("^net.core.somaxconn$", "net.core.somaxconn2", false)]
    [InlineData("^net.core.somaxconn$", "xnet.core.somaxconn", false)]
    [InlineData(@"^net\.core\.", "net/core/x", false)]
    [InlineData(@"^net\.core\.", "net.core.x", true)]
    [InlineData(@"^net.ipv4.conf.IFNAME.[a-z_]*$", "net.ipv4.conf.IFNAME.arp_filter", true)]
    [InlineData(@"^net.ipv4.conf.IFNAME.[a-z_]*$", "net.ipv4.conf.all.arp_filter", false)]
    [InlineData("^net.(ipv4|ipv6).conf", "net.ipv6.conf.x", true)]
    [InlineData("^net.(ipv4|ipv6).conf", "net.ipv5.conf.x", false)]
    [InlineData("^(?:a|b)+c?$", "abba", true)]
    [InlineData("^(?P<name>a)$", "a", true)]
    [InlineData("^a{2,3}$", "a", false)]
    [InlineData("^a{2,3}$", "aaa", true)]
    [InlineData("^a{2,3}$", "aaaa", false)]
    [InlineData("^a{2}$", "aa", true)]
    [InlineData("^a{2,}$", "aaaaa", true)]
    [InlineData("^a{0}b$", "b", true)]
    [InlineData("a{,2}", "a{,2}", true)] // no repetition: a brace
    [InlineData("a{,2}", "aa", false)]
    [InlineData("^{$", "{", true)]
    [InlineData("^a*?b+?c??$", "aabb", true)]
    [InlineData("^[^a-c]$", "d", true)]
    [InlineData("^[^a-c]$", "b", false)]
    [InlineData("^[]a]$", "]", true)]
    [InlineData("^[a-]$", "-", true)]
    [InlineData(@"^[\d.]+$", "10.9", true)]
    [InlineData(@"^[^\d]$", "5", false)]
    [InlineData(@"^[\D]$", "5", false)]
    [InlineData(@"^[\W]$", "_", false)]
    [InlineData(@"^[\W]$", ".", true)]
    [InlineData("^[[:alpha:]_]+$", "ab_c", true)]
    [InlineData("^[[:^digit:]]$", "7", false)]
    [InlineData("^[[:^digit:]]$", "x", true)]
    [InlineData(@"^\w+\s\S\D$", "ab cd", true)]
    [InlineData(@"\bconf\b", "net.conf.x", true)]
    [InlineData(@"\bconf\b", "net.config.x", false)]
    [InlineData(@"\Bonf", "conf", true)]
    [InlineData(@"\Aa\z", "a", true)]
    [InlineData(@"^\x41\x{42}$", "AB", true)]
    [InlineData(@"^\.\*\[\{\/$", ".*[{/", true)]
    [InlineData("a|", "zzz", true)] // the empty one is found everywhere
    [InlineData("^(|a)b$", "b", true)]
    [InlineData("^(a*)*$", "aaab", false)]
    [InlineData("^(a*)*$", "aaa", true)]
    [InlineData("^$", "", true)]
    [InlineData("^$", "a", false)]
    [InlineData("$^", "", true)]
    [InlineData("ä", "xäy", true)]
    public void Is_found(string pattern, string text, bool found) => Assert.Equal(found, Pattern.Parse(pattern).IsFoundIn(text));

    [Theory]
    [InlineData("a)")]
    [InlineData("(a")]
    [InlineData("[a")]
    [InlineData("[")]
    [InlineData("[]")]
    [InlineData(@"[a\")]
    [InlineData("[z-a]")]
    [InlineData("[[:nonsense:]]")]
    [InlineData("*a")]
    [InlineData("a|+")]
    [InlineData("{2}")]
    [InlineData("a**")]
    [InlineData("a{2}{3}")]
    [InlineData("a{3,2}")]
    [InlineData("a{1001}")]
    [InlineData("((a{1000}){1000}){1000}")]
    [InlineData(@"a\")]
    [InlineData(@"\y")]
    [InlineData(@"\xZZ")]
    [InlineData(@"\x1")]
    [InlineData(@"\x{")]
    [InlineData("(?i)a")]
    [InlineData("(?=a)")]
    [InlineData("(?P<>a)")]
    [InlineData(@"(a)\1")]
    public void Is_none(string pattern) => Assert.NotEmpty(Assert.Throws<FormatException>(() => Pattern.Parse(pattern)).Message);

    [Fact]
    public void Deep_nesting_is_refused() => Assert.Throws<FormatException>(() => Pattern.Parse(new string('(', 100_000)));

    // What takes a backtracking matcher longer than anybody lives. The limit is the suite's own.
    [Fact]
    public void Evil_expressions_take_no_longer_than_others()
    {
        var text = new string('a', 2000) + "!";
        foreach (var evil in (string[])["^(a+)+$", "^(a|aa)*$", "^(a*)*b$", "^(.*a){12}$", "^(([a-z])+.)+[A-Z]([a-z])+$"])
            Assert.False(Pattern.Parse(evil).IsFoundIn(text));
    }

    // .NET's matcher agrees on all that both read alike: a seeded search for counter-examples.
    [Fact]
    public void Agrees_with_another_matcher()
    {
        var random = new Random(3);
        for (var i = 0; i < 3_000; i++)
        {
            var pattern = Generate(random, 3);
            var text = new string([.. Enumerable.Range(0, random.Next(8)).Select(_ => "ab.1_"[random.Next(5)])]);
            var expected = System.Text.RegularExpressions.Regex.IsMatch(
                text, pattern, System.Text.RegularExpressions.RegexOptions.NonBacktracking | System.Text.RegularExpressions.RegexOptions.CultureInvariant);
            Assert.True(Pattern.Parse(pattern).IsFoundIn(text) == expected, $"\"{pattern}\" in \"{text}\": {expected} expected");
        }
    }

    private static string Generate(Random random, int depth) => random.Next(depth == 0 ? 5 : 10) switch
    {
        0 => "a",
        1 => "b",
        2 => ".",
        3 => "[ab1]",
        4 => random.Next(4) switch { 0 => "^", 1 => @"\z", 2 => @"\b", _ => @"\." },
        5 or 6 => Generate(random, depth - 1) + Generate(random, depth - 1),
        7 => $"({Generate(random, depth - 1)}|{Generate(random, depth - 1)})",
        8 => $"(?:{Generate(random, depth - 1)}){"*+?"[random.Next(3)]}",
        _ => $"(?:{Generate(random, depth - 1)}){{{random.Next(2)},{random.Next(2, 4)}}}",
    };

    // No character of any kind may do more than be refused.
    [Fact]
    public void Noise_is_an_expression_or_a_format_error()
    {
        var random = new Random(5);
        for (var i = 0; i < 50_000; i++)
        {
            var pattern = new string([.. Enumerable.Range(0, random.Next(12)).Select(_ => @"a(|)[]^$*+?{},1-\.:Pdwx<>"[random.Next(25)])]);
            try
            {
                Pattern.Parse(pattern).IsFoundIn("a1.a");
            }
            catch (FormatException)
            {
            }
        }
    }
}
