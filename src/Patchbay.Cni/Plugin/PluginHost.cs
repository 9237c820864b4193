using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Patchbay.Cni.Model;

namespace Patchbay.Cni.Plugin;

/// <summary>The program around a plugin: reads and checks what the runtime tells, calls the plugin, prints result or error.</summary>
public static class PluginHost
{
    /// <summary>Version of this program, as people see it.</summary>
    public const string ProgramVersion = "0.1.0";

    /// <summary>The release of the reference plugins whose keys and abilities the plugins of this program have.</summary>
    public const string ReferenceVersion = "1.9.1";

    private const int MaxConfigBytes = 32 << 20;

    /// <summary>Runs a plugin for the request that the environment describes.</summary>
    /// <param name="plugin">The plugin.</param>
    /// <param name="environment">Variables and streams.</param>
    /// <returns>The exit status: 0, or 1 after an error object was printed.</returns>
    public static int Run(CniPlugin plugin, PluginEnvironment environment)
    {
        ArgumentNullException.ThrowIfNull(plugin);
        ArgumentNullException.ThrowIfNull(environment);
        try
        {
            ReadOnlyMemory<byte> answer = Answer(plugin, environment);
            if (!answer.IsEmpty)
                environment.Output.Write(answer.Span);
            return 0;
        }
        catch (Exception error)
        {
            return Report(CniException.From(error), environment);
        }
    }

    /// <summary>Prints an error object.</summary>
    /// <param name="error">The error.</param>
    /// <param name="environment">Streams.</param>
    /// <returns>The exit status 1.</returns>
    public static int Report(CniException error, PluginEnvironment environment)
    {
        ArgumentNullException.ThrowIfNull(error);
        ArgumentNullException.ThrowIfNull(environment);
        try
        {
            environment.Output.Write(error.ToJson().Span);
        }
        catch (IOException unwritable)
        {
            Note(environment, $"cannot print the error \"{error.Text}\": {unwritable.Message}");
        }

        return 1;
    }

    /// <summary>Writes a line of free text to standard error.</summary>
    /// <param name="environment">Streams.</param>
    /// <param name="text">The line.</param>
    public static void Note(PluginEnvironment environment, string text)
    {
        ArgumentNullException.ThrowIfNull(environment);
        try
        {
            environment.Error.Write(Encoding.UTF8.GetBytes(text + "\n"));
        }
        catch (IOException)
        {
            // Standard error is the last resort: there is nowhere left to tell of its loss.
        }
    }

    private static ReadOnlyMemory<byte> Answer(CniPlugin plugin, PluginEnvironment environment)
    {
        string command = environment.Variable("CNI_COMMAND") ?? "";
        if (command.Length == 0)
        {
            Note(environment, $"{plugin.About}\nCNI protocol versions supported: {string.Join(", ", plugin.SupportedVersions)}");
            return default;
        }

        RequestVariables variables = RequestVariables.Read(command, environment);
        if (command == "VERSION")
            return Versions(plugin);

        NetworkConfig config = NetworkConfig.Parse(ReadInput(environment.Input));
        PluginRequest request = new()
        {
            Command = CniCommandText.Parse(command) ?? throw new CniException(CniError.InvalidEnvironment, $"unknown CNI_COMMAND: {command}"),
            ContainerId = variables.ContainerId,
            NetnsPath = variables.NetnsPath,
            IfName = variables.IfName,
            Args = variables.Args,
            Path = variables.Path,
            Config = config,
            Environment = environment,
        };

        if (Execute(plugin, request) is not { } result)
            return default;
        try
        {
            return result.ToJson(config.Version);
        }
        catch (CniException)
        {
            // The work is done but cannot be told in the configuration's version (no address in 0.1.0 and 0.2.0): a failed ADD leaves nothing behind.
            TryDelete(plugin, request);
            throw;
        }
    }

    /// <summary>Checks versions, names and namespace, and calls the plugin; delegates without a process come in here too.</summary>
    /// <returns>The result of ADD; null for the other commands.</returns>
    internal static CniResult? Execute(CniPlugin plugin, PluginRequest request)
    {
        CheckVersion(plugin, request);
        if (request.Command is CniCommand.Add or CniCommand.Delete or CniCommand.Check)
        {
            Validation.ContainerId(request.ContainerId);
            Validation.InterfaceName(request.IfName);
        }

        switch (request.Command)
        {
            case CniCommand.Add:
                RefuseOwnNamespace(request);
                return plugin.Add(request);
            case CniCommand.Delete:
                RefuseOwnNamespace(request);
                plugin.Delete(request);
                return null;
            case CniCommand.Check:
                plugin.Check(request);
                return null;
            case CniCommand.GarbageCollect:
                plugin.GarbageCollect(request);
                return null;
            default:
                plugin.Status(request);
                return null;
        }
    }

    private static void CheckVersion(CniPlugin plugin, PluginRequest request)
    {
        NetworkConfig config = request.Config;
        SpecVersion since = request.Command switch
        {
            CniCommand.Check => SpecVersion.V040,
            CniCommand.GarbageCollect or CniCommand.Status => SpecVersion.V110,
            _ => SpecVersion.V010,
        };
        if (since > SpecVersion.V010)
        {
            if (config.Version < since)
                throw new CniException(CniError.IncompatibleVersion, $"config version does not allow {request.Command.ToText()}");
            if (!plugin.SupportedVersions.Any(version => version >= config.Version))
                throw new CniException(CniError.IncompatibleVersion, $"plugin version does not allow {request.Command.ToText()}");
        }

        // Exactly one of the list, as text: "1.0" is not "1.0.0" to other plugins either.
        if (!plugin.SupportedVersions.Any(version => version == config.Version) || config.Version.ToString() != config.VersionText)
        {
            string supported = string.Join(' ', plugin.SupportedVersions.Select(version => $"\"{version}\""));
            throw new CniException(CniError.IncompatibleVersion, "incompatible CNI versions", $"config is \"{config.VersionText}\", plugin supports [{supported}]");
        }
    }

    /// <summary>Working on the host's own namespace as if it were a container's would take the host off the network.</summary>
    private static void RefuseOwnNamespace(PluginRequest request)
    {
        string? off = request.Environment.Variable("CNI_NETNS_OVERRIDE");
        if (request.NetnsPath.Length == 0 || off == "1" || string.Equals(off, "true", StringComparison.OrdinalIgnoreCase))
            return;
        if (request.Environment.Identify(request.NetnsPath) is { } target && target == request.Environment.Identify("/proc/self/ns/net"))
            throw new CniException(CniError.InvalidNetns, "plugin's netns and netns from CNI_NETNS should not be the same", request.NetnsPath);
    }

    private static void TryDelete(CniPlugin plugin, PluginRequest request)
    {
        try
        {
            plugin.Delete(request with { Command = CniCommand.Delete });
        }
        catch (Exception error)
        {
            Note(request.Environment, $"cannot undo the ADD that failed: {CniException.From(error).Text}");
        }
    }

    // {"cniVersion":"1.1.0","supportedVersions":["0.1.0",…]} and a newline
    private static ReadOnlyMemory<byte> Versions(CniPlugin plugin)
    {
        ArrayBufferWriter<byte> buffer = new(256);
        using (Utf8JsonWriter writer = new(buffer, JsonFormat.Compact))
        {
            writer.WriteStartObject();
            writer.WriteString("cniVersion"u8, SpecVersion.Newest.ToString());
            writer.WriteStartArray("supportedVersions"u8);
            foreach (SpecVersion version in plugin.SupportedVersions)
                writer.WriteStringValue(version.ToString());
            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        buffer.Write("\n"u8);
        return buffer.WrittenMemory;
    }

    private static ReadOnlyMemory<byte> ReadInput(Stream input)
    {
        byte[] buffer = new byte[8192];
        long total = 0;
        try
        {
            while (true)
            {
                // Beyond the limit the rest is read and counted, not kept.
                int filled = (int)Math.Min(total, MaxConfigBytes);
                if (filled == buffer.Length && filled < MaxConfigBytes)
                    Array.Resize(ref buffer, Math.Min(buffer.Length * 4, MaxConfigBytes));
                int offset = filled < buffer.Length ? filled : 0;
                int count = input.Read(buffer, offset, buffer.Length - offset);
                if (count == 0)
                    break;
                total += count;
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CniException(CniError.IoFailure, $"error reading from stdin: {error.Message}", inner: error);
        }

        if (total > MaxConfigBytes)
            throw new CniException(CniError.DecodingFailure, string.Create(CultureInfo.InvariantCulture, $"network configuration of {total} bytes is larger than 32 MiB"));
        return buffer.AsMemory(0, (int)total);
    }
}
