using Patchbay.Cni.Model;

namespace Patchbay.Plugins.Meta.Tuning;

/// <summary>The administrator's list of settings that may be tuned: a regular expression a line, found anywhere in the name as written.</summary>
internal static class AllowList
{
    private const string FilePath = "/etc/cni/tuning/allowlist.conf";

    /// <summary>Refuses what the list does not allow; without a file everything is allowed.</summary>
    /// <exception cref="CniException">Code 7: a setting is not allowed, or a line is no regular expression; 999: the file cannot be read.</exception>
    internal static void Require(IReadOnlyList<SysctlSetting> settings)
    {
        if (settings.Count == 0 || ReadLines() is not { } lines)
            return;
        var patterns = new List<Pattern>();
        for (var i = 0; i < lines.Length; i++)
        {
            // An empty expression would be found in every name: nobody means a blank line to allow everything.
            if (lines[i].TrimEnd('\r') is not { Length: > 0 } line)
                continue;
            try
            {
                patterns.Add(Pattern.Parse(line));
            }
            catch (FormatException error)
            {
                throw new CniException(CniError.InvalidNetworkConfig, $"{FilePath}, line {i + 1}: \"{line}\" {error.Message}", inner: error);
            }
        }

        foreach (var setting in settings)
        {
            if (!patterns.Exists(pattern => pattern.IsFoundIn(setting.Key)))
                throw new CniException(CniError.InvalidNetworkConfig, $"Sysctl {setting.Key} is not allowed. Only the following sysctls are allowed: [{string.Join(' ', patterns)}]", $"the list is {FilePath}");
        }
    }

    private static string[]? ReadLines()
    {
        try
        {
            return File.ReadAllText(FilePath).Split('\n');
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CniException(CniError.Internal, $"cannot read the list of allowed sysctls: {error.Message}", inner: error);
        }
    }
}
