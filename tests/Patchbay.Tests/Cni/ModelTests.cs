using System.Buffers;
using System.Net;
using System.Text;
using System.Text.Json;
using Patchbay.Cni.Model;

namespace Patchbay.Tests.Cni;

public class ModelTests
{
    [Theory]
    [InlineData(null, "0.1.0")]
    [InlineData("", "0.1.0")]
    [InlineData("1.0.0", "1.0.0")]
    [InlineData("1.1", "1.1.0")]
    [InlineData("2", "2.0.0")]
    public void Versions_are_read(string? text, string expected) => Assert.Equal(expected, SpecVersion.Parse(text).ToString());

    [Theory]
    [InlineData("x")]
    [InlineData("1.")]
    [InlineData("1..0")]
    [InlineData("1.0.0.0")]
    [InlineData("1.0.0-rc1")]
    [InlineData("+1.0")]
    [InlineData(" 1.0")]
    [InlineData("99999999999.0.0")]
    public void Malformed_versions_are_refused_by_name(string text)
    {
        CniException error = Assert.Throws<CniException>(() => SpecVersion.Parse(text));
        Assert.Equal(CniError.DecodingFailure, error.Code);
        Assert.Contains($"\"{text}\"", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Versions_are_in_order() => Assert.Equal(SpecVersion.All, SpecVersion.All.Order());

    [Theory]
    [InlineData("10.1.2.3", "10.1.2.3")]
    [InlineData("::ffff:10.1.2.3", "10.1.2.3")]
    [InlineData("FD00:0:0:1::A", "fd00:0:0:1::a")]
    [InlineData("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1")]
    [InlineData("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1")]
    [InlineData("::", "::")]
    [InlineData("::1.2.3.4", "::102:304")]
    [InlineData("fe80::0:5efe:1.2.3.4", "fe80::5efe:102:304")]
    [InlineData("1:0:0:0:0:0:0:0", "1::")]
    public void Addresses_print_in_one_form(string text, string expected) => Assert.Equal(expected, IpText.Format(IpText.TryParse(text)!));

    [Theory]
    [InlineData("")]
    [InlineData("1")]
    [InlineData("10.1.2")]
    [InlineData("10.1.2.03")]
    [InlineData("0x0a.1.2.3")]
    [InlineData("10.1.2.256")]
    [InlineData("10.1.2.3.4")]
    [InlineData("[::1]")]
    [InlineData("fe80::1%eth0")]
    [InlineData("::ffff:1.2.3.04")]
    [InlineData("1:2:3")]
    public void What_is_no_address_is_refused(string text) => Assert.Null(IpText.TryParse(text));

    [Theory]
    [InlineData("10.1.2.3/24", "10.1.2.3/24", "10.1.2.0/24")]
    [InlineData("0.0.0.0/0", "0.0.0.0/0", "0.0.0.0/0")]
    [InlineData("255.255.255.255/31", "255.255.255.255/31", "255.255.255.254/31")]
    [InlineData("fd00::ffff/121", "fd00::ffff/121", "fd00::ff80/121")]
    [InlineData("::ffff:10.1.2.3/120", "10.1.2.3/24", "10.1.2.0/24")]
    public void Prefixes_keep_host_bits(string text, string expected, string network)
    {
        IpPrefix prefix = IpPrefix.Parse(text);
        Assert.Equal(expected, prefix.ToString());
        Assert.Equal(network, $"{IpText.Format(prefix.Network.BaseAddress)}/{prefix.Network.PrefixLength}");
    }

    [Theory]
    [InlineData("10.1.2.3")]
    [InlineData("10.1.2.3/")]
    [InlineData("10.1.2.3/33")]
    [InlineData("10.1.2.3/-1")]
    [InlineData("10.1.2.3/2x")]
    [InlineData("fd00::/129")]
    [InlineData("::ffff:10.1.2.3/24")]
    [InlineData("x/24")]
    public void What_is_no_prefix_is_refused(string text) =>
        Assert.Contains(text, Assert.Throws<FormatException>(() => IpPrefix.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void Errors_print_code_msg_and_details()
    {
        Assert.Equal("{\n    \"code\": 7,\n    \"msg\": \"a \\\"b\\\" <c>\"\n}", Text(new CniException(7, "a \"b\" <c>").ToJson()));
        Assert.Equal("{\n    \"code\": 100,\n    \"msg\": \"m\",\n    \"details\": \"ä\"\n}", Text(new CniException(100, "m", "ä").ToJson()));
        CniException back = CniException.FromJson("""{"cniVersion":"1.0.0","code":11,"msg":"again","details":"later","x":[]}"""u8.ToArray());
        Assert.Equal((11u, "again", "later"), (back.Code, back.Message, back.Details));
    }

    [Fact]
    public void Every_character_survives_and_only_what_must_be_is_escaped()
    {
        for (int first = 0; first < 0x11000; first += 16)
        {
            string text = string.Concat(Enumerable.Range(first, 16).Where(c => c is < 0xd800 or > 0xdfff).Select(char.ConvertFromUtf32));
            string json = Text(new CniException(1, text).ToJson());
            Assert.Equal(text, JsonDocument.Parse(json).RootElement.GetProperty("msg").GetString());
            if (first >= 0x60)
                Assert.Contains($"\"{text}\"", json, StringComparison.Ordinal);
        }

        Assert.Contains("\"\\u0000\\b\\t\\n\\f\\r\\u001f\\\"\\\\/<>&'\"", Text(new CniException(1, "\0\b\t\n\f\r\u001f\"\\/<>&'").ToJson()), StringComparison.Ordinal);
    }

    [Fact]
    public void Text_that_is_no_unicode_is_replaced()
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JsonEscaping.Instance }))
            writer.WriteStringValue([(byte)'a', 0xff, (byte)'\n', 0xc3, 0xa4]);
        Assert.Equal("a\ufffd\n\u00e4", JsonDocument.Parse(buffer.WrittenMemory).RootElement.GetString());
    }

    [Fact]
    public void Half_a_surrogate_pair_does_not_break_the_error() =>
        Assert.Equal("a\ufffd", JsonDocument.Parse(new CniException(1, "a\ud800").ToJson()).RootElement.GetProperty("msg").GetString());

    [Fact]
    public void Errors_of_a_teardown_are_told_together()
    {
        CniException both = CniException.From(new AggregateException(new CniException(11, "a"), new InvalidOperationException("b")));
        Assert.Equal((999u, "a; b"), (both.Code, both.Message));
        Assert.Equal(11u, CniException.From(new AggregateException(new CniException(11, "a"), new CniException(11, "b"))).Code);
        Assert.Equal((11u, "a"), (CniException.From(new AggregateException(new CniException(11, "a"))).Code, "a"));
        Assert.Equal((999u, "x"), (CniException.From(new IOException("x")).Code, "x"));
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData("", null)]
    [InlineData("MAC=aa", "aa")]
    [InlineData("IgnoreUnknown=1;K8S=x;MAC=aa;MAC=bb", "bb")]
    [InlineData("K8S=x;IgnoreUnknown=TRUE", null)]
    [InlineData("MAC=", "")]
    public void Args_are_read(string? text, string? mac) => Assert.Equal(mac, CniArgs.Parse(text, "MAC")["MAC"]);

    [Theory]
    [InlineData("MAC=aa;", "ARGS: invalid pair \"\"")]
    [InlineData("MAC", "ARGS: invalid pair \"MAC\"")]
    [InlineData("MAC=a=b", "ARGS: invalid pair \"MAC=a=b\"")]
    [InlineData("A=1;MAC=x;mac=2", "ARGS: unknown args [\"A=1\" \"mac=2\"]")]
    [InlineData("A=1;IgnoreUnknown=0", "ARGS: unknown args [\"A=1\"]")]
    [InlineData("IgnoreUnknown=yes", "ARGS: error parsing value of pair \"IgnoreUnknown=yes\": want 0, 1, true or false")]
    public void Args_are_refused(string text, string message) =>
        Assert.Equal(message, Assert.Throws<CniException>(() => CniArgs.Parse(text, "MAC")).Message);

    [Theory]
    [InlineData("", 4u)]
    [InlineData(".", 4u)]
    [InlineData("..", 4u)]
    [InlineData("a/b", 4u)]
    [InlineData("a:b", 4u)]
    [InlineData("a b", 4u)]
    [InlineData("a\u00a0b", 4u)]
    [InlineData("sixteen-bytes-xx", 4u)]
    [InlineData("ääääääää", 4u)]
    [InlineData("fifteen-bytes-x", 0u)]
    [InlineData("eth0.5", 0u)]
    public void Interface_names(string name, uint code) => Assert.Equal(code, CodeOf(() => Validation.InterfaceName(name)));

    [Theory]
    [InlineData("", 3u, 7u)]
    [InlineData("a", 0u, 0u)]
    [InlineData("A1_.-", 0u, 0u)]
    [InlineData("-a", 4u, 7u)]
    [InlineData("../x", 4u, 7u)]
    [InlineData("a/b", 4u, 7u)]
    [InlineData("ä", 4u, 7u)]
    [InlineData("a\n", 4u, 7u)]
    public void Container_ids_and_network_names(string name, uint container, uint network)
    {
        Assert.Equal(container, CodeOf(() => Validation.ContainerId(name)));
        Assert.Equal(network, CodeOf(() => Validation.NetworkName(name)));
    }

    private static uint CodeOf(Action action) => Record.Exception(action) is CniException error ? error.Code : 0;

    private static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);
}
