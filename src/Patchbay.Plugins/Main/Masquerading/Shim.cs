using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink.Rtnetlink;
namespace Patchbay.Plugins.Main.Masquerading;
internal sealed class PendingMasquerade : IDisposable { private int _x; public void Complete() { _x++; } public void Dispose() { } }
internal static class Masquerade {
  internal static PendingMasquerade Start(PluginRequest r, string? b, IReadOnlyList<CniIp> ips) => new();
  internal static PendingMasquerade StartRemoval(PluginRequest r) => new();
  internal static void Remove(PluginRequest r) { }
  internal static bool Exists(PluginRequest r) => true;
  internal static void Collect(string n, IReadOnlyList<CniAttachment> v) { }
  internal static void RequireBackend(string? b) { }
}
internal static class SpoofCheck {
  internal static void Add(PluginRequest r, string host, MacAddress m) { }
  internal static void Remove(PluginRequest r) { }
  internal static void Collect(string n, IReadOnlyList<CniAttachment> v) { }
  internal static void RequireKernel() { }
}
