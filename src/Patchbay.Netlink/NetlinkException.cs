namespace Patchbay.Netlink;

/// <summary>The kernel refused a request, or what it sent could not be understood.</summary>
/// <remarks>The message reads: operation, the C library's text for the error number, then the kernel's own explanation if it gave one.</remarks>
public sealed class NetlinkException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="operation">What was asked for, naming the object: <c>add link "eth0"</c>.</param>
    /// <param name="error">The kernel's error number.</param>
    /// <param name="kernelMessage">The text of the extended acknowledgement, if there was one.</param>
    /// <param name="offset">The offset in bytes, from the start of the request, of the attribute that the kernel refused; -1 when unknown.</param>
    public NetlinkException(string operation, Errno error, string? kernelMessage = null, int offset = -1)
        : base(Compose(operation, error, kernelMessage))
    {
        Operation = operation;
        Error = error;
        KernelMessage = kernelMessage;
        Offset = offset;
    }

    /// <summary>Creates the exception for input that is not a valid netlink message.</summary>
    /// <param name="operation">What was being read.</param>
    /// <param name="problem">What is wrong with it.</param>
    public NetlinkException(string operation, string problem)
        : base($"{operation}: {problem}")
    {
        Operation = operation;
        Error = Errno.Invalid;
        Offset = -1;
    }

    /// <summary>What was asked for, naming the object.</summary>
    public string Operation { get; }

    /// <summary>The kernel's error number.</summary>
    public Errno Error { get; }

    /// <summary>The kernel's explanation (NLMSGERR_ATTR_MSG), or null.</summary>
    public string? KernelMessage { get; }

    /// <summary>Offset in bytes of the refused attribute in the request (NLMSGERR_ATTR_OFFS), or -1.</summary>
    public int Offset { get; }

    /// <summary>True when the object of the request was not there: ENOENT, ENODEV, ESRCH, ENXIO or EADDRNOTAVAIL.</summary>
    public bool IsNotFound => Error.SaysMissing();

    private static string Compose(string operation, Errno error, string? kernelMessage) =>
        kernelMessage is null ? $"{operation}: {error.Describe()}" : $"{operation}: {error.Describe()} ({kernelMessage})";
}
