using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Patchbay.SystemTests.Policy;

/// <summary>Tokens made by hand (RFC 7515, 3.1), also such as no issuer should make.</summary>
internal static class TestToken
{
    /// <summary>What a good token of an admin says; the tests change one thing each.</summary>
    public static JsonObject Payload => new()
    {
        ["sub"] = "u1",
        ["user_id"] = "u1",
        ["user_name"] = "ann",
        ["client_id"] = "cf",
        ["scope"] = new JsonArray("network.admin"),
        ["aud"] = new JsonArray("network", "cf"),
        ["iss"] = "https://uaa.example.com/oauth/token",
        ["exp"] = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() + 600,
    };

    public static string Signed(JsonObject payload, string keyFile, string header = """{"alg":"RS256","kid":"development"}""")
    {
        using RSA key = RSA.Create();
        key.ImportFromPem(File.ReadAllText(keyFile));
        string signed = Unsigned(payload, header);
        return $"{signed}.{Base64Url.EncodeToString(key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))}";
    }

    public static string Hmac(JsonObject payload, byte[] secret, string header)
    {
        string signed = Unsigned(payload, header);
        return $"{signed}.{Base64Url.EncodeToString(HMACSHA256.HashData(secret, Encoding.ASCII.GetBytes(signed)))}";
    }

    /// <summary>The first two parts.</summary>
    public static string Unsigned(JsonObject payload, string header) =>
        $"{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(header))}.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(payload.ToJsonString()))}";

    /// <summary>The public half as a JSON Web Key Set.</summary>
    public static string KeySet(string keyFile, string id)
    {
        using RSA key = RSA.Create();
        key.ImportFromPem(File.ReadAllText(keyFile));
        RSAParameters parameters = key.ExportParameters(false);
        return new JsonObject
        {
            ["keys"] = new JsonArray(new JsonObject
            {
                ["kty"] = "RSA", ["alg"] = "RS256", ["use"] = "sig", ["kid"] = id,
                ["n"] = Base64Url.EncodeToString(parameters.Modulus), ["e"] = Base64Url.EncodeToString(parameters.Exponent),
            }),
        }.ToJsonString();
    }
}
