using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;

namespace Patchbay.Lab.Engines.Runc;

/// <summary>The lab's end of <see cref="OciHook"/>: hooks connect, and their containers wait.</summary>
internal sealed class HookListener : IDisposable
{
    // A hook that connects says all it has to say at once.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly Socket _socket;

    /// <summary>Listens at a path that only root can reach; one left by a lab that was killed is taken over.</summary>
    /// <exception cref="EngineException">Another lab listens there, or the path cannot be used.</exception>
    public HookListener(string engine, string path)
    {
        _socket = UnixSocket.Create();
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            if (File.Exists(path))
            {
                if (Answers(path))
                    throw new EngineException(engine, $"another lab takes the hooks at \"{path}\"");
                File.Delete(path);
            }

            _socket.Bind(UnixSocket.At(path));
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            _socket.Listen();
        }
        catch (Exception failure) when (failure is SocketException or IOException or UnauthorizedAccessException)
        {
            _socket.Dispose();
            throw new EngineException(engine, $"cannot listen for hooks at \"{path}\": {failure.Message}", failure);
        }
        catch
        {
            _socket.Dispose();
            throw;
        }
    }

    /// <summary>Hooks as they come. One that says nothing to the purpose is told so, and is not handed over.</summary>
    public async IAsyncEnumerable<Call> CallsAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        while (true)
        {
            var connection = await _socket.AcceptAsync(cancellation).ConfigureAwait(false);
            if (await ReadAsync(connection, cancellation).ConfigureAwait(false) is { } call)
                yield return call;
        }
    }

    /// <summary>Ends listening; .NET removes the file of a socket that it bound.</summary>
    public void Dispose() => _socket.Dispose();

    private static bool Answers(string path)
    {
        using var probe = UnixSocket.Create();
        try
        {
            probe.Connect(UnixSocket.At(path));
            return true;
        }
        catch (SocketException failure) when (failure.SocketErrorCode == SocketError.ConnectionRefused)
        {
            return false;
        }
    }

    private static async Task<Call?> ReadAsync(Socket connection, CancellationToken cancellation)
    {
        var stream = new NetworkStream(connection, ownsSocket: true);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(Patience);
        try
        {
            var text = new byte[OciHook.MostState];
            var length = await stream.ReadAtLeastAsync(text, text.Length, throwOnEndOfStream: false, limit.Token).ConfigureAwait(false);
            if (length == 0)
            {
                await stream.DisposeAsync().ConfigureAwait(false); // a probe of another lab
                return null;
            }

            var state = JsonSerializer.Deserialize(text.AsSpan(0, length), RuncJson.Default.OciState);
            if (state is { Id.Length: > 0, Status.Length: > 0 })
                return new Call(state, stream);
            await AnswerAsync(stream, "the hook's input has no id or no status").ConfigureAwait(false);
        }
        catch (JsonException failure)
        {
            await AnswerAsync(stream, $"the hook's input is not the state of a container: {failure.Message}").ConfigureAwait(false);
        }
        catch (IOException)
        {
            await stream.DisposeAsync().ConfigureAwait(false); // the hook was killed: nobody is left to be answered
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            await AnswerAsync(stream, "the hook's input did not end").ConfigureAwait(false);
        }

        return null;
    }

    private static async Task AnswerAsync(NetworkStream stream, string? reason)
    {
        await using (stream.ConfigureAwait(false))
        {
            try
            {
                if (reason is not null)
                    await stream.WriteAsync(Encoding.UTF8.GetBytes(reason.ReplaceLineEndings(" "))).ConfigureAwait(false);
            }
            catch (IOException)
            {
                // The runtime gave the hook up (a hook may have a time limit); its container is not going to start.
            }
        }
    }

    /// <summary>A hook that waits.</summary>
    internal sealed record Call(OciState State, NetworkStream Stream)
    {
        /// <summary>Lets the hook end: well with null, or with the reason why not.</summary>
        public Task ReleaseAsync(string? reason) => AnswerAsync(Stream, reason);
    }
}
