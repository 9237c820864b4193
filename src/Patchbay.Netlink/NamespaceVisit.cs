using System.Runtime.ExceptionServices;
using Patchbay.Netlink.Interop;

namespace Patchbay.Netlink;

/// <summary>Work inside another network namespace that goes on while the caller does something else.</summary>
/// <typeparam name="T">What the work returns.</typeparam>
/// <remarks>It runs on a thread of its own, which enters the namespace and never leaves it: it ends with the work.</remarks>
public sealed class NamespaceVisit<T>
{
    private readonly Thread _thread;
    private T _result = default!;
    private ExceptionDispatchInfo? _failure;

    internal NamespaceVisit(NetworkNamespace networkNamespace, Func<T> work)
    {
        _thread = new Thread(
            () =>
            {
                try
                {
                    if (Libc.setns(networkNamespace.Handle, Libc.CLONE_NEWNET) < 0)
                        throw new NetlinkException($"enter network namespace \"{networkNamespace.Path}\"", Libc.LastError);
                    _result = work();
                }
                catch (Exception exception)
                {
                    _failure = ExceptionDispatchInfo.Capture(exception);
                }
            },
            maxStackSize: 256 * 1024);
        _thread.Start();
    }

    /// <summary>Waits for the end of the work.</summary>
    /// <returns>What it returned, each time the same.</returns>
    /// <exception cref="NetlinkException">The namespace may not be entered.</exception>
    public T Wait()
    {
        _thread.Join();
        _failure?.Throw();
        return _result;
    }
}
