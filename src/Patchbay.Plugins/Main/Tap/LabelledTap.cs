using System.Globalization;
using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink;

namespace Patchbay.Plugins.Main.Tap;

/// <summary>A tap device with a given SELinux label. docs/decisions/0006-label-of-a-tap.md.</summary>
/// <remarks>
/// The label of a tap is that of the process that makes it, and neither that of the file nor of a socket (security/selinux/hooks.c,
/// selinux_tun_dev_create). A process of several threads may take on only a label that is bounded by its own (selinux_setprocattr),
/// and a .NET process has several. So this file is executed once more, under the label that execve(2) is told to give it.
/// </remarks>
internal static class LabelledTap
{
    /// <summary>The first argument by which this executable makes a device and nothing else.</summary>
    internal const string HelperName = "tap-device";

    // proc_pid_attr(5): of this thread, for the next execve; children inherit it
    private const string ExecLabel = "/proc/thread-self/attr/exec";
    private const string Enabled = "/sys/fs/selinux/enforce";
    private const string None = "-";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    /// <summary>Refuses what is no label: <c>USER:ROLE:TYPE</c> or <c>USER:ROLE:TYPE:LEVEL</c>.</summary>
    /// <exception cref="CniException">Code 7.</exception>
    internal static void RequireContext(string context)
    {
        var parts = context.Split(':', 4);
        var valid = parts.Length >= 3 && context.Length <= 1024 && Array.TrueForAll(parts, part => part.Length > 0);
        foreach (var c in context)
            valid &= char.IsAsciiLetterOrDigit(c) || c is ':' or '_' or '.' or ',' or '-';
        if (!valid)
            throw new CniException(CniError.InvalidNetworkConfig, $"invalid selinuxContext \"{context}\": want user:role:type or user:role:type:level, such as system_u:system_r:container_t:s0");
    }

    /// <summary>Refuses a label on a host without SELinux.</summary>
    /// <param name="context">The label.</param>
    /// <param name="code">Code of the error.</param>
    internal static void RequireSelinux(string context, uint code)
    {
        if (!File.Exists(Enabled))
            throw new CniException(code, $"selinuxContext is \"{context}\", but SELinux is not enabled on this host ({Enabled} is missing): remove the key, or enable SELinux");
    }

    /// <summary>Creates a device in the calling thread's namespace.</summary>
    /// <param name="settings">What it is to be.</param>
    /// <param name="context">Its label.</param>
    internal static void Create(TapSettings settings, string context)
    {
        RequireSelinux(context, CniError.Internal);
        ChildResult made;
        WriteLabel(context);
        try
        {
            made = ChildProcess.Run("/proc/self/exe", Arguments(settings), limit: Limit);
        }
        finally
        {
            WriteLabel("");
        }

        if (!made.Succeeded)
            throw new CniException(CniError.Internal, $"failed to make the tap device under selinuxContext \"{context}\": {Encoding.UTF8.GetString(made.Error.Span).Trim()} ({made.Exit})");

        void WriteLabel(string label)
        {
            try
            {
                // An empty write would not reach the kernel: one zero byte means "as usual".
                File.WriteAllBytes(ExecLabel, label.Length == 0 ? [0] : Encoding.UTF8.GetBytes(label));
            }
            catch (Exception error) when (label.Length > 0 && error is IOException or UnauthorizedAccessException)
            {
                throw new CniException(CniError.Internal, $"SELinux refuses selinuxContext \"{context}\": {error.Message}", inner: error);
            }
        }
    }

    /// <summary>The arguments by which the helper is told what to make.</summary>
    internal static string[] Arguments(TapSettings settings) =>
    [
        HelperName, settings.Name, Text(settings.Owner), Text(settings.Group), settings.MultiQueue ? "1" : "0",
    ];

    /// <summary>The helper: makes the device in its own namespace.</summary>
    /// <param name="arguments">Those of <see cref="Arguments"/>, without the first.</param>
    /// <returns>The exit status.</returns>
    internal static int Run(ReadOnlySpan<string> arguments)
    {
        try
        {
            if (arguments is not [var name, var owner, var group, "0" or "1"])
                throw new ArgumentException($"{HelperName} is for the tap plugin alone: NAME OWNER GROUP MULTIQUEUE");
            TapDevice.Create(new TapSettings { Name = name, Owner = Number(owner), Group = Number(group), MultiQueue = arguments[3] == "1" });
            return 0;
        }
        catch (Exception error) when (error is IOException or ArgumentException or FormatException or OverflowException)
        {
            PluginHost.Note(PluginEnvironment.OfProcess(static _ => null), error.Message);
            return 1;
        }
    }

    private static string Text(uint? id) => id?.ToString(CultureInfo.InvariantCulture) ?? None;

    private static uint? Number(string text) => text == None ? null : uint.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);
}
