namespace Patchbay.SystemTests.Engines.Cri;

/// <summary>A call that the server refused.</summary>
/// <param name="method">The call.</param>
/// <param name="code">grpc-status: 5 is NOT_FOUND, 2 UNKNOWN.</param>
/// <param name="text">grpc-message, what the kubelet shows in the pod's events.</param>
public sealed class GrpcException(string method, int code, string text) : Exception($"{method}: status {code}: {text}")
{
    public int Code { get; } = code;

    public string Text { get; } = text;
}
