using System.Text;
using System.Text.Json;
using Patchbay.Cni.Model;

namespace Patchbay.Tests.Cni;

public class JsonViewTests
{
    private static JsonView View(string json) => JsonView.Parse(Encoding.UTF8.GetBytes(json), "configuration");

    [Fact]
    public void Keys_match_in_any_case_and_the_last_wins()
    {
        JsonView view = View("""{"MTU":1,"mtu":2,"Mtu":3,"x":null,"X":"y"}""");
        Assert.Equal(3, view.Integer("mtu", 0, 9));
        Assert.Equal("y", view.String("x"));
        Assert.Null(View("""{"a":1,"A":null}""").Integer("a", 0, 9));
    }

    [Fact]
    public void Absent_and_null_are_the_same()
    {
        JsonView view = View("""{"a":null}""");
        foreach (string key in (string[])["a", "b"])
        {
            Assert.False(view.Has(key));
            Assert.Null(view.String(key));
            Assert.Null(view.Boolean(key));
            Assert.Null(view.Integer(key, 0, 1));
            Assert.Null(view.Unsigned(key));
            Assert.Null(view.Array(key));
            Assert.Null(view.Object(key));
            Assert.Null(view.Strings(key));
            Assert.Null(view.Address(key));
            Assert.Null(view.Prefix(key));
        }
    }

    [Fact]
    public void Values_are_read()
    {
        JsonView view = View("""{"s":"t","b":true,"i":-5,"u":18446744073709551615,"l":["a","b"],"ip":"fd00::1","none":"","net":"10.0.0.1/8","o":{"p":[{"q":1}]}}""");
        Assert.Equal("t", view.String("s"));
        Assert.True(view.Boolean("b"));
        Assert.Equal(-5, view.Integer("i", -9, 9));
        Assert.Equal(ulong.MaxValue, view.Unsigned("u"));
        Assert.Equal(["a", "b"], view.Strings("l"));
        Assert.Equal("fd00::1", view.Address("ip")!.ToString());
        Assert.Null(view.Address("none"));
        Assert.Equal("10.0.0.1/8", view.Prefix("net").ToString());
        Assert.Equal("o.p[0].q", view.Object("o")!.Value.Array("p")![0].Get("q")!.Value.Path);
    }

    [Theory]
    [InlineData("""{"mtu":"big"}""", "\"mtu\" must be a whole number from 0 to 65535, not \"big\"")]
    [InlineData("""{"mtu":1.5}""", "\"mtu\" must be a whole number from 0 to 65535, not 1.5")]
    [InlineData("""{"mtu":65536}""", "\"mtu\" must be a whole number from 0 to 65535, not 65536")]
    [InlineData("""{"mtu":99999999999999999999}""", "\"mtu\" must be a whole number from 0 to 65535, not 99999999999999999999")]
    [InlineData("""{"name":5}""", "\"name\" must be a string, not 5")]
    [InlineData("""{"name":"\ud800"}""", "\"name\" must be valid Unicode (it has half of a surrogate pair)")]
    [InlineData("""{"on":"yes"}""", "\"on\" must be true or false, not \"yes\"")]
    [InlineData("""{"rate":-1}""", "\"rate\" must be a whole number from 0 to 18446744073709551615, not -1")]
    [InlineData("""{"list":{}}""", "\"list\" must be a list, not {}")]
    [InlineData("""{"list":["a",1]}""", "\"list[1]\" must be a string, not 1")]
    [InlineData("""{"object":[]}""", "\"object\" must be an object, not []")]
    [InlineData("""{"gateway":"x"}""", "\"gateway\" must be an IP address, not \"x\"")]
    [InlineData("""{"subnet":"10.0.0.0"}""", "\"subnet\" must be an address in CIDR notation such as 10.1.2.0/24, not \"10.0.0.0\"")]
    public void The_wrong_type_is_an_error_that_names_field_and_value(string json, string problem)
    {
        JsonView view = View(json);
        CniException error = Assert.Throws<CniException>(() =>
        {
            view.Integer("mtu", 0, 65535);
            view.String("name");
            view.Boolean("on");
            view.Unsigned("rate");
            view.Strings("list");
            view.Object("object");
            view.Address("gateway");
            view.Prefix("subnet");
        });
        Assert.Equal((999u, "failed to load netconf: " + problem), (error.Code, error.Message));
    }

    [Fact]
    public void A_key_that_is_not_Unicode_is_not_ours() => Assert.Equal(1, View("""{"\ud800":0,"a":1}""").Integer("a", 0, 9));

    [Fact]
    public void What_is_not_JSON_is_refused()
    {
        Assert.ThrowsAny<JsonException>(() => View(""));
        Assert.ThrowsAny<JsonException>(() => View("{"));
        Assert.ThrowsAny<JsonException>(() => View("{} {}"));
        Assert.ThrowsAny<JsonException>(() => JsonView.Parse(new byte[] { 0x22, 0xff, 0x22 }, "x"));
        Assert.ThrowsAny<JsonException>(() => View(new string('[', 201) + new string(']', 201)));
        Assert.Throws<CniException>(() => View("[]"));
    }
}
