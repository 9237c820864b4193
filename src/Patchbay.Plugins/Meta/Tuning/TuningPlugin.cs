using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Meta.Tuning;

/// <summary>tuning: settings below /proc/sys/net of a container, and attributes of its interface. docs/tuning.md.</summary>
internal sealed class TuningPlugin : CniPlugin
{
    private const string NoResult = "Required prevResult missing";

    public override string Name => "tuning";

    public override CniResult Add(PluginRequest request)
    {
        var config = TuningConfig.Read(request);
        var previous = ChainedInterface.Require(request, NoResult);
        AllowList.Require(config.Sysctls);
        using var netns = Sandbox.OpenNamespace(request.NetnsPath);
        return ChainedInterface.Inside(netns, () =>
        {
            using var route = RouteSocket.Open();
            var link = previous.Interfaces.Any(each => each.Name == request.IfName && each.Sandbox is not null) || config.ChangesLink
                ? ChainedInterface.Find(route, request.IfName)
                : null;
            var undo = new Rollback();
            try
            {
                foreach (var setting in config.Sysctls)
                    Write(setting, undo);
                if (config.ChangesLink)
                    Change(route, link!, config, request, undo);
            }
            catch (Exception error)
            {
                throw undo.Undo(error);
            }

            return config.Apply(previous, request.IfName);
        });
    }

    /// <summary>
    /// Gives the attributes their old values. What the kernel does not take back is noted and no failure: the interface is about to go, and its own plugin would
    /// never be called.
    /// </summary>
    public override void Delete(PluginRequest request)
    {
        var path = LinkBackup.PathOf(TuningConfig.ReadDataDirectory(request.Config), request.ContainerId, request.IfName);
        LinkBackup? backup;
        try
        {
            backup = LinkBackup.Read(path);
            if (backup is null)
                return;
        }
        catch (IOException error)
        {
            PluginHost.Note(request.Environment, $"tuning: nothing is restored: {error.Message}");
            backup = new LinkBackup();
        }

        using (var netns = Sandbox.TryOpenNamespace(request.NetnsPath))
        {
            if (netns is not null)
            {
                using var route = ChainedInterface.Inside(netns, RouteSocket.Open);
                foreach (var refusal in Restore(route, request.IfName, backup))
                    PluginHost.Note(request.Environment, $"tuning: {request.IfName} stays changed: {refusal.Message}");
            }
        }

        File.Delete(path);
    }

    public override void Check(PluginRequest request)
    {
        var config = TuningConfig.Read(request);
        var previous = ChainedInterface.Require(request, NoResult);
        using var netns = Sandbox.OpenNamespace(request.NetnsPath);
        ChainedInterface.Inside(netns, () =>
        {
            foreach (var setting in config.Sysctls)
                CheckSysctl(setting);
            if (!config.ChangesLink)
                return true;
            using var route = RouteSocket.Open();
            CheckLink(ChainedInterface.Find(route, request.IfName), config);
            return true;
        });
    }

    /// <summary>Backups of this network whose attachment is not valid go. Those of the reference do not tell their network, and stay.</summary>
    public override void GarbageCollect(PluginRequest request)
    {
        var directory = TuningConfig.ReadDataDirectory(request.Config);
        if (request.Config.ValidAttachments is not { } valid || !Directory.Exists(directory))
            return;
        var keep = valid.Select(each => LinkBackup.PathOf(directory, each.ContainerId, each.IfName)).ToHashSet(StringComparer.Ordinal);
        var cleanup = new Cleanup();
        foreach (var path in Directory.EnumerateFiles(directory, $"*{LinkBackup.Extension}"))
        {
            if (!keep.Contains(path) && IsOf(path, request.Config.Name))
                cleanup.Step(() => File.Delete(path));
        }

        cleanup.ThrowIfFailed();
    }

    public override void Status(PluginRequest request)
    {
        try
        {
            var config = TuningConfig.Read(request);
            AllowList.Require(config.Sysctls);
            foreach (var setting in config.Sysctls)
            {
                if (setting.IsOfEveryNamespace && !File.Exists($"/proc/sys/net/{setting.Path}"))
                    throw new CniException(CniError.PluginNotAvailable, $"sysctl \"{setting.Key}\": this kernel has no /proc/sys/net/{setting.Path}");
            }

            if (config.ChangesLink)
                DataDirectory.RequireWritable(config.DataDirectory);
        }
        catch (CniException error) when (error.Code != CniError.InvalidNetworkConfig)
        {
            throw new CniException(CniError.PluginNotAvailable, $"tuning: {error.Message}", error.Details, error);
        }
    }

    private static void Write(SysctlSetting setting, Rollback undo)
    {
        var before = TryRead(setting.Path);
        if (!Sysctl.TryWrite(setting.Path, setting.Value))
            throw new CniException(CniError.InvalidNetworkConfig, $"sysctl \"{setting.Key}\": the container has no /proc/sys/net/{setting.Path}");
        if (before is not null)
            undo.Push(() => Sysctl.TryWrite(setting.Path, before));
    }

    // Some can only be written, such as ipv4/route/flush.
    private static string? TryRead(string path)
    {
        try
        {
            return Sysctl.Read(path);
        }
        catch (NetlinkException error) when (error.Error is Errno.AccessDenied or Errno.NotPermitted)
        {
            return null;
        }
    }

    // ip link set IFNAME address MAC promisc on mtu N allmulticast on txqueuelen N
    private static void Change(RouteSocket route, Link link, TuningConfig config, PluginRequest request, Rollback undo)
    {
        var path = LinkBackup.PathOf(config.DataDirectory, request.ContainerId, request.IfName);
        var older = LinkBackup.Read(path);
        var present = LinkBackup.Of(link, config, request.Config.Name);
        undo.Push(() =>
        {
            if (older is null)
                File.Delete(path);
            else
                older.Write(path);
        });
        present.After(older).Write(path);
        // The kernel sets one attribute after the other and does not take back what it did before the one that it refuses.
        undo.Push(() =>
        {
            if (Restore(route, link.Name, present) is [var refusal, ..])
                throw refusal;
        });
        var batch = new NetlinkBatch();
        batch.SetLink(link.Index, config.Settings);
        try
        {
            route.Execute(batch);
        }
        catch (NetlinkException error)
        {
            throw new CniException(CniError.Internal, $"cannot change \"{link.Name}\": {error.Message}", inner: error);
        }
    }

    private static IReadOnlyList<NetlinkException> Restore(RouteSocket route, string ifName, LinkBackup backup)
    {
        if (route.FindLink(ifName) is not { } link)
            return [];
        var batch = new NetlinkBatch();
        foreach (var settings in backup.Settings())
            batch.SetLink(link.Index, settings);
        return route.TryExecute(batch);
    }

    private static void CheckSysctl(SysctlSetting setting)
    {
        string? actual;
        try
        {
            actual = Sysctl.Read(setting.Path) ?? throw InterfaceCheck.Failed($"sysctl \"{setting.Key}\": the container has no /proc/sys/net/{setting.Path}");
        }
        catch (NetlinkException error) when (error.Error is Errno.AccessDenied or Errno.NotPermitted)
        {
            return; // can only be written: there is nothing to compare
        }

        // The kernel separates several numbers by tabs, however they were written.
        if (!Words(actual).SequenceEqual(Words(setting.Value)))
            throw InterfaceCheck.Failed($"sysctl \"{setting.Key}\" is \"{actual}\", the configuration says \"{setting.Value}\"");
    }

    private static string[] Words(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);

    private static void CheckLink(Link link, TuningConfig config)
    {
        Compare<MacAddress>("Mac", link.Address, config.Mac);
        Compare<int>("Mtu", link.Mtu, config.Mtu);
        Compare<bool>("AllMulti", link.Flags.HasFlag(LinkFlags.AllMulticast), config.AllMulti);
        Compare<int>("TxQLen", link.TransmitQueueLength, config.TxQLen);
        // Our own flag, not the number of those who want it: a bridge or tcpdump may be among them.
        Compare<bool>("Promisc", link.Flags.HasFlag(LinkFlags.Promiscuous), config.Promisc ? true : null);

        void Compare<T>(string what, T? actual, T? wanted)
            where T : struct
        {
            if (wanted is not null && !wanted.Equals(actual))
                throw InterfaceCheck.Failed($"{what} of \"{link.Name}\" is {actual?.ToString() ?? "none"}, the configuration says {wanted}");
        }
    }

    private static bool IsOf(string path, string network)
    {
        try
        {
            return LinkBackup.Read(path)?.Network == network;
        }
        catch (IOException)
        {
            return false; // nobody's that we know
        }
    }
}
