using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Patchbay.Policy.Daemon;

/// <summary>What the configurations of server and agent have in common: how the file is read, and the checks of keys that both have.</summary>
internal static class ConfigurationFile
{
    /// <exception cref="InvalidDataException">It is no configuration; the text names file and key.</exception>
    internal static T Read<T>(string path, JsonTypeInfo<T> type)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            return JsonSerializer.Deserialize(file, type) ?? throw new InvalidDataException($"{path}: it is null");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path}: {(e.Path is null or "$" ? e.Message : $"{e.Path.TrimStart('$', '.')}: {e.Message}")}", e);
        }
    }

    /// <summary>Wants a file of certificates or keys.</summary>
    internal static void Require(string value, string key, string what)
    {
        if (value.Length == 0)
            throw new InvalidDataException($"{key} is not set: {what}");
        if (!File.Exists(value))
            throw new InvalidDataException($"{key}: {value} is not there; patchbay policy certs makes one for development");
    }

    internal static int Port(int port, string key) => port is >= 1 and <= 65535 ? port : throw new InvalidDataException($"{key} is {port}; it must be from 1 to 65535");

    /// <summary>An address to listen at.</summary>
    internal static IPAddress Address(string host, string key) => host == "localhost" ? IPAddress.Loopback : IPAddress.TryParse(host, out IPAddress? address)
        ? address
        : throw new InvalidDataException($"{key} is \"{host}\"; it must be an address of this host such as 127.0.0.1, or 0.0.0.0 or :: for all");
}
