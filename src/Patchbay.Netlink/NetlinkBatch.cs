using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink;

/// <summary>Receives one message of an answer.</summary>
/// <param name="message">Positioned on the message; its bytes are valid only during the call.</param>
public delegate void NetlinkReply(scoped in MessageReader message);

/// <summary>Requests that go to the kernel in one datagram and are answered together.</summary>
/// <remarks>
/// The kernel carries requests out in order and, rtnetlink, goes on after one that failed; nf_tables carries out all or none.
/// Families add requests by extension methods (<c>batch.AddLink(…)</c>).
/// </remarks>
public sealed class NetlinkBatch
{
    private readonly List<Request> _requests = [];

    /// <summary>The bytes so far; families write the body of a request here.</summary>
    public MessageWriter Writer { get; } = new(2048);

    /// <summary>Number of requests.</summary>
    public int Count => _requests.Count;

    internal IReadOnlyList<Request> Requests => _requests;

    /// <summary>Begins a request; its fixed header and attributes follow through <see cref="Writer"/>, then <see cref="End"/>.</summary>
    /// <param name="type">Message type, such as RTM_NEWLINK.</param>
    /// <param name="flags">Header flags; NLM_F_REQUEST is added, and NLM_F_ACK where the batch needs one.</param>
    /// <param name="verb">What it does, for errors: <c>add link</c>.</param>
    /// <param name="subject">To what: <c>eth0</c>.</param>
    /// <param name="tolerate">An error that counts as success, such as "not found" for a deletion.</param>
    /// <param name="reply">Receives the objects that answer a get or an echo.</param>
    public void Begin(ushort type, NetlinkFlags flags, string verb, object? subject = null, Tolerated tolerate = Tolerated.Nothing, NetlinkReply? reply = null)
    {
        // Sequence numbers within a datagram are request indices; the socket adds its own base when it sends.
        var offset = Writer.Length;
        Writer.BeginMessage(type, flags, (uint)_requests.Count);
        _requests.Add(new Request(offset, verb, subject, tolerate, reply));
    }

    /// <summary>Ends the request begun last.</summary>
    public void End() => Writer.EndMessage();

    /// <summary>Forgets all requests, so that the batch can be used again.</summary>
    public void Clear()
    {
        _requests.Clear();
        Writer.Clear();
    }

    /// <summary>The same requests without some of them.</summary>
    internal NetlinkBatch Without(HashSet<int> indices)
    {
        var rest = new NetlinkBatch();
        for (var i = 0; i < _requests.Count; i++)
        {
            if (indices.Contains(i))
                continue;
            var end = i + 1 < _requests.Count ? _requests[i + 1].Offset : Writer.Length;
            rest._requests.Add(_requests[i] with { Offset = rest.Writer.Length });
            rest.Writer.Raw(Writer.Written[_requests[i].Offset..end]);
        }

        return rest;
    }

    internal readonly record struct Request(int Offset, string Verb, object? Subject, Tolerated Tolerate, NetlinkReply? Reply)
    {
        internal string Operation => Subject is null ? Verb : Subject is string text ? $"{Verb} \"{text}\"" : $"{Verb} {Subject}";

        internal bool Accepts(Errno error) => Tolerate switch
        {
            Tolerated.Missing => error.SaysMissing(),
            Tolerated.Existing => error == Errno.Exists,
            Tolerated.Anything => true,
            _ => false,
        };
    }
}

/// <summary>Errors that a request may meet without failing.</summary>
public enum Tolerated
{
    /// <summary>Every error is a failure.</summary>
    Nothing,

    /// <summary>The object is not there: for deletions that may be repeated.</summary>
    Missing,

    /// <summary>The object is there already: for additions that may be repeated.</summary>
    Existing,

    /// <summary>No error matters: for what the kernel may lack.</summary>
    Anything,
}
