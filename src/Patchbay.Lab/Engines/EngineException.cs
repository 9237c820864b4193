namespace Patchbay.Lab.Engines;

/// <summary>An engine that does not answer, or refuses.</summary>
internal sealed class EngineException : Exception
{
    public EngineException(string engine, string what, Exception? inner = null)
        : base($"{engine}: {what}", inner)
    {
    }

    /// <summary>Whether the object that was asked for is not there (HTTP 404, gRPC NOT_FOUND): an instance that has gone meanwhile.</summary>
    public bool IsNotFound { get; init; }
}
