namespace Patchbay.Lab.Life;

/// <summary>How far a lab has come, for whoever asks: the health endpoint, the live view.</summary>
internal sealed class LabStatus
{
    private readonly Lock _lock = new();
    private IReadOnlyList<string> _waiting = [];
    private int _links;
    private bool _connected;
    private string? _problem;

    /// <summary>Something of it is different; told by the thread that set it.</summary>
    public event Action? Changed;

    public bool Connected
    {
        get
        {
            lock (_lock)
                return _connected;
        }
    }

    /// <summary>How many links there are.</summary>
    public int Links
    {
        get
        {
            lock (_lock)
                return _links;
        }
    }

    /// <summary>Why the last attempt came to nothing, which is made again; null when it did not.</summary>
    public string? Problem
    {
        get
        {
            lock (_lock)
                return _problem;
        }
    }

    /// <summary>The containers that the lab waits for.</summary>
    public IReadOnlyList<string> Waiting
    {
        get
        {
            lock (_lock)
                return _waiting;
        }
    }

    /// <summary>All that is in the way: containers that do not run, and why those that run cannot be wired.</summary>
    public IReadOnlyList<string> Reasons
    {
        get
        {
            lock (_lock)
                return _problem is null ? _waiting : [.. _waiting, _problem];
        }
    }

    public void Set(IReadOnlyList<string> waiting, int links, string? problem)
    {
        lock (_lock)
        {
            _waiting = waiting;
            _links = links;
            _problem = problem;
            _connected = waiting.Count == 0 && problem is null;
        }

        Changed?.Invoke();
    }

    /// <summary>The state as JSON.</summary>
    public byte[] Write(string lab)
    {
        lock (_lock)
        {
            using var buffer = new MemoryStream();
            using (var writer = new System.Text.Json.Utf8JsonWriter(buffer))
            {
                writer.WriteStartObject();
                writer.WriteString("lab", lab);
                writer.WriteString("status", _connected ? "connected" : "waiting");
                writer.WriteNumber("links", _links);
                writer.WriteStartArray("waiting");
                foreach (var each in _waiting)
                    writer.WriteStringValue(each);
                writer.WriteEndArray();
                if (_problem is not null)
                    writer.WriteString("problem", _problem);
                writer.WriteEndObject();
            }

            return buffer.ToArray();
        }
    }
}
