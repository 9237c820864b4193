using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Patchbay.Plugins.Ipam.Dhcp.Daemon;

/// <summary>Turns a signal into something that poll(2) sees (eventfd(2)).</summary>
internal sealed unsafe class WakeUp : IDisposable
{
    internal WakeUp()
    {
        int fd = Libc.eventfd(0, Libc.EFD_CLOEXEC | Libc.EFD_NONBLOCK);
        Handle = fd < 0 ? throw Libc.Failure("make an event descriptor") : new SafeFileHandle(fd, ownsHandle: true);
    }

    internal SafeFileHandle Handle { get; }

    /// <summary>Runs on the runtime's thread for signals.</summary>
    internal void Signal(PosixSignalContext context)
    {
        context.Cancel = true; // do not end here and now
        ulong one = 1;
        _ = Libc.write(Handle, &one, sizeof(ulong));
    }

    /// <inheritdoc/>
    public void Dispose() => Handle.Dispose();
}
