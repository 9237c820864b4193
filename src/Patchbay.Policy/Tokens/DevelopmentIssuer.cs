using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using Patchbay.Policy.Certificates;

namespace Patchbay.Policy.Tokens;

/// <summary>An issuer of tokens for development: a key in a file, its public half in another, which a server takes as token_keys_file.</summary>
internal sealed class DevelopmentIssuer(string directory, TimeProvider clock)
{
    private const string KeyId = "development";

    internal string KeyFile { get; } = Path.Combine(directory, "token.key");

    internal string PublicFile { get; } = Path.Combine(directory, "token_keys.json");

    /// <summary>Makes the two files unless they are there.</summary>
    /// <returns>The files that were made.</returns>
    internal IReadOnlyList<string> Make()
    {
        if (File.Exists(KeyFile) && File.Exists(PublicFile))
            return [];
        Directory.CreateDirectory(directory);
        using RSA key = RSA.Create(2048);
        RSAParameters parameters = key.ExportParameters(includePrivateParameters: false);
        SecretFile.Write(KeyFile, key.ExportPkcs8PrivateKeyPem() + "\n");
        File.WriteAllText(
            PublicFile,
            $$"""{"keys": [{"kty": "RSA", "kid": "{{KeyId}}", "use": "sig", "alg": "RS256", "n": "{{Base64UrlEncoder.Encode(parameters.Modulus)}}", "e": "{{Base64UrlEncoder.Encode(parameters.Exponent)}}"}]}""" + "\n");
        return [KeyFile, PublicFile];
    }

    /// <summary>A token that looks like UAA's.</summary>
    internal string Issue(string user, IReadOnlyList<string> scopes, TimeSpan lifetime)
    {
        using RSA key = RSA.Create();
        key.ImportFromPem(File.ReadAllText(KeyFile));
        long now = clock.GetUtcNow().ToUnixTimeSeconds();
        using var payload = new MemoryStream();
        using (var writer = new Utf8JsonWriter(payload))
        {
            writer.WriteStartObject();
            writer.WriteString("sub"u8, user);
            writer.WriteString("user_id"u8, user);
            writer.WriteString("user_name"u8, user);
            writer.WriteString("client_id"u8, "patchbay");
            Write(writer, "scope"u8, scopes);
            // As UAA does it: the audience of a scope is what stands before its dot.
            Write(writer, "aud"u8, [.. scopes.Select(each => each.Split('.')[0]).Distinct()]);
            writer.WriteNumber("iat"u8, now);
            writer.WriteNumber("exp"u8, now + (long)lifetime.TotalSeconds);
            writer.WriteEndObject();
        }

        var credentials = new SigningCredentials(new RsaSecurityKey(key) { KeyId = KeyId }, SecurityAlgorithms.RsaSha256);
        return new JsonWebTokenHandler().CreateToken(System.Text.Encoding.UTF8.GetString(payload.ToArray()), credentials);
    }

    private static void Write(Utf8JsonWriter writer, ReadOnlySpan<byte> name, IReadOnlyList<string> values)
    {
        writer.WriteStartArray(name);
        foreach (string each in values)
            writer.WriteStringValue(each);
        writer.WriteEndArray();
    }
}
