using System.Text;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Policy;

/// <summary>Which tokens are let in.</summary>
public class PolicyTokenTests
{
    private const string Refused = "failed to verify token with uaa";

    [Fact]
    public void Only_a_token_of_the_issuer_for_this_audience_and_time_is_good()
    {
        using PolicyHost host = PolicyHost.Create();
        host.Configuration["token_issuer"] = "https://uaa.example.com/oauth/token";
        host.Start();
        string key = $"{host.Certs}/token.key";
        long now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        string Changed(Action<JsonObject> change, string header = """{"alg":"RS256","kid":"development"}""")
        {
            JsonObject payload = TestToken.Payload;
            change(payload);
            return TestToken.Signed(payload, key, header);
        }

        string good = TestToken.Signed(TestToken.Payload, key);
        Assert.Equal("""{"subject":"ann"}""", host.External("GET", "v1/external/whoami", token: good).Is(200).Body);
        Assert.Equal(200, host.External("GET", "v1/external/whoami", null, "", "-H", $"Authorization: bearer {good}").Status);
        Assert.Equal("""{"subject":"cf"}""", host.External("GET", "v1/external/whoami", token: Changed(each => each.Remove("user_name"))).Is(200).Body);

        string none = $"{TestToken.Unsigned(TestToken.Payload, """{"alg":"none"}""")}.";
        string stranger = Path.Combine(host.Host.Directory, "stranger.key");
        host.Host.Run("openssl", "genrsa", "-out", stranger, "2048").Check();
        byte[] publicKey = Encoding.UTF8.GetBytes(host.Host.Run("openssl", "rsa", "-in", key, "-pubout").Check().StandardOutput);
        string[] parts = good.Split('.');
        (string What, string Token)[] bad =
        [
            ("expired", Changed(each => each["exp"] = now - 120)),
            ("not yet good", Changed(each => each["nbf"] = now + 600)),
            ("without an end", Changed(each => each.Remove("exp"))),
            ("for another audience", Changed(each => each["aud"] = new JsonArray("cloud_controller"))),
            ("without an audience", Changed(each => each.Remove("aud"))),
            ("of another issuer", Changed(each => each["iss"] = "https://evil.example.com")),
            ("a refresh token", Changed(each => each["jti"] = "1234-r")),
            ("alg none", none),
            ("unsigned", $"{parts[0]}.{parts[1]}."),
            ("without its third part", $"{parts[0]}.{parts[1]}"),
            ("changed", $"{parts[0]}.{TestToken.Unsigned(TestToken.Payload, "{}").Split('.')[1]}x.{parts[2]}"),
            ("of another key", TestToken.Signed(TestToken.Payload, stranger)),
            ("of another key with another id", TestToken.Signed(TestToken.Payload, stranger, """{"alg":"RS256","kid":"unknown"}""")),
            ("by the public key as an HMAC's", TestToken.Hmac(TestToken.Payload, publicKey, """{"alg":"HS256","kid":"development"}""")),
            ("no token", "x"),
            ("dots", "..."),
            ("long", new string('a', 30_000)),
        ];
        foreach ((string what, string token) in bad)
        {
            string file = Path.Combine(host.Host.Directory, "header");
            File.WriteAllText(file, $"Authorization: Bearer {token}");
            HttpAnswer answer = host.External("GET", "v1/external/policies", null, "", "-H", $"@{file}");
            Assert.True(answer.Status == 401, $"{what}: {answer.Status} {answer.Body}");
            answer.IsError(401, Refused);
        }
    }

    [Fact]
    public void Keys_come_from_the_issuer_which_may_be_away_afterwards()
    {
        using PolicyHost host = PolicyHost.Create();
        using var cloudFoundry = new CloudFoundryStub(host);
        host.Configuration.Remove("token_keys_file");
        CloudFoundryStub.Configure(host.Configuration);
        cloudFoundry.State["keys"] = JsonNode.Parse(TestToken.KeySet($"{host.Certs}/token.key", "first"))!["keys"]!.DeepClone();
        cloudFoundry.Save();
        host.Start();
        string token = TestToken.Signed(TestToken.Payload, $"{host.Certs}/token.key", """{"alg":"RS256","kid":"first"}""");

        host.External("GET", "v1/external/whoami", token: token).Is(200);
        cloudFoundry.Stop();
        host.External("GET", "v1/external/whoami", token: token).Is(200);
    }

    [Fact]
    public void Without_the_issuers_keys_nobody_is_let_in()
    {
        using PolicyHost host = PolicyHost.Create();
        host.Configuration.Remove("token_keys_file");
        host.Configuration["uaa_url"] = "http://127.0.0.1:9";
        PolicyServerProcess server = host.Start();

        host.External("GET", "v1/external/whoami").IsError(401, Refused);
        server.WaitForLog("keys of http://127.0.0.1:9 could not be read");
    }

    [Fact]
    public void Certificates_for_development_are_for_their_purpose_and_made_once()
    {
        using PolicyHost host = PolicyHost.Create();

        CommandResult again = host.Host.Run(PolicyHost.Executable, "policy", "certs", host.Certs).Check();
        Assert.Contains("nothing to do", again.StandardOutput, StringComparison.Ordinal);
        foreach (string file in Directory.GetFiles(host.Certs, "*.key"))
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        host.Host.Run("openssl", "verify", "-purpose", "sslserver", "-CAfile", $"{host.Certs}/ca.crt", $"{host.Certs}/server.crt").Check();
        host.Host.Run("openssl", "verify", "-purpose", "sslclient", "-CAfile", $"{host.Certs}/ca.crt", $"{host.Certs}/client.crt").Check();
        Assert.NotEqual(0, host.Host.Run("openssl", "verify", "-purpose", "sslserver", "-CAfile", $"{host.Certs}/ca.crt", $"{host.Certs}/client.crt").ExitCode);
    }
}
