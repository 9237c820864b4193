namespace Patchbay.Policy.Model;

/// <summary>What a caller did wrong: the answer's status and the text of its "error".</summary>
internal sealed class RequestException(int status, string error, Exception? inner = null) : Exception(error, inner)
{
    internal int Status { get; } = status;
}
