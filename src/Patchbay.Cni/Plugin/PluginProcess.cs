using System.Globalization;
using System.Text;
using System.Text.Json;
using Patchbay.Cni.Model;

namespace Patchbay.Cni.Plugin;

/// <summary>Executes a plugin and reads what it prints; used for delegates and by the runtime side.</summary>
/// <param name="type">Name of the plugin, for errors.</param>
/// <param name="path">Its file.</param>
/// <param name="limit">How long it may run, or null.</param>
/// <param name="limitName">Where the limit was set, for the error.</param>
internal sealed class PluginProcess(string type, string path, TimeSpan? limit, string limitName)
{
    /// <summary>Runs the plugin; its standard error goes to <paramref name="errorStream"/>.</summary>
    /// <returns>What it printed on standard output.</returns>
    /// <exception cref="CniException">The plugin's own error with its code, 11 after the time limit, else 999.</exception>
    internal ReadOnlyMemory<byte> Run(
        IEnumerable<KeyValuePair<string, string>> variables, ReadOnlyMemory<byte> config, Stream errorStream, CancellationToken cancellation = default)
    {
        ChildResult child = Execute(variables, config, cancellation);
        try
        {
            if (!child.Error.IsEmpty)
                errorStream.Write(child.Error.Span);
        }
        catch (IOException)
        {
            // Free text that nobody reads any more is no reason to fail.
        }

        return Output(child);
    }

    /// <summary>Runs the plugin to its end, whatever that is.</summary>
    /// <exception cref="CniException">Code 11 after the time limit, 999 when it cannot be started.</exception>
    internal ChildResult Execute(IEnumerable<KeyValuePair<string, string>> variables, ReadOnlyMemory<byte> config, CancellationToken cancellation)
    {
        try
        {
            return ChildProcess.Run(path, [], config, variables, limit, cancellation);
        }
        catch (TimeoutException error)
        {
            string seconds = limit!.Value.TotalSeconds.ToString(CultureInfo.InvariantCulture);
            throw new CniException(CniError.TryAgainLater, $"plugin \"{type}\" did not finish within {seconds} s ({limitName}) and was killed", inner: error);
        }
    }

    /// <summary>What a plugin that succeeded printed on standard output.</summary>
    /// <exception cref="CniException">It failed: its own error with its code, else 999.</exception>
    internal static ReadOnlyMemory<byte> Output(ChildResult child) => child.Succeeded ? child.Output : throw Failure(child);

    /// <summary>The result of an ADD.</summary>
    /// <param name="output">What the plugin printed.</param>
    /// <param name="version">The version of the configuration.</param>
    internal CniResult ReadResult(ReadOnlyMemory<byte> output, SpecVersion version)
    {
        if (IsBlank(output))
            throw new CniException(CniError.Internal, $"plugin \"{type}\" printed no result");
        try
        {
            return CniResult.Parse(output, version);
        }
        catch (Exception error) when (error is JsonException or CniException)
        {
            throw new CniException(CniError.Internal, $"plugin \"{type}\" printed no valid result: {error.Message}", Excerpt(output), error);
        }
    }

    private static CniException Failure(ChildResult child)
    {
        if (IsBlank(child.Output))
        {
            return IsBlank(child.Error)
                ? new CniException(CniError.Internal, $"netplugin failed with no error message: {child.Exit}")
                : new CniException(CniError.Internal, $"netplugin failed: \"{Excerpt(child.Error)}\": {child.Exit}");
        }

        try
        {
            CniException error = CniException.FromJson(child.Output);
            if (error.Code != 0 || error.Message.Length > 0)
                return error;
            return new CniException(CniError.Internal, $"netplugin failed but its diagnostic message has neither code nor msg: \"{Excerpt(child.Output)}\": {child.Exit}");
        }
        catch (Exception error) when (error is JsonException or CniException)
        {
            return new CniException(
                CniError.Internal,
                $"netplugin failed but error parsing its diagnostic message \"{Excerpt(child.Output)}\": {error.Message}",
                IsBlank(child.Error) ? child.Exit : $"{child.Exit}, stderr \"{Excerpt(child.Error)}\"",
                error);
        }
    }

    private static bool IsBlank(ReadOnlyMemory<byte> text) => text.Span.Trim(" \t\r\n"u8).IsEmpty;

    private static string Excerpt(ReadOnlyMemory<byte> text)
    {
        string all = Encoding.UTF8.GetString(text.Span).Trim().ReplaceLineEndings("\\n");
        return all.Length <= 1024 ? all : string.Concat(all.AsSpan(0, 1021), "...");
    }
}
