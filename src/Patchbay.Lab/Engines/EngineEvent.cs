namespace Patchbay.Lab.Engines;

/// <summary>What an engine tells about its instances.</summary>
internal enum EngineEventKind
{
    /// <summary>The process of an instance runs, or is about to; <see cref="EngineEvent.Instance"/> is it.</summary>
    Started,

    /// <summary>The process of an instance has ended; its namespace, and what was in it, may be gone already.</summary>
    Died,

    /// <summary>The processes of an instance are frozen. Its network stays.</summary>
    Paused,

    /// <summary>They go on.</summary>
    Unpaused,

    /// <summary>The engine listens to us, and events may have been missed until now: compare <see cref="Engine.ListAsync"/> with what is known.</summary>
    Resynchronise,

    /// <summary>The engine cannot be reached; <see cref="EngineEvent.Reason"/> says why. <see cref="Resynchronise"/> follows when it can be again.</summary>
    Lost,
}

/// <summary>Something that happened to an instance, or to the connection with the engine.</summary>
internal sealed record EngineEvent
{
    public required EngineEventKind Kind { get; init; }

    /// <summary>The engine's id of the instance; empty for events of the connection.</summary>
    public string Id { get; init; } = "";

    /// <summary>The instance of <see cref="EngineEventKind.Started"/>; null for the others.</summary>
    public Instance? Instance { get; init; }

    /// <summary>The process that died, where the engine tells; 0 where not.</summary>
    public int Pid { get; init; }

    /// <summary>Why the engine is <see cref="EngineEventKind.Lost"/>.</summary>
    public string Reason { get; init; } = "";

    /// <summary>Whether the engine holds the instance's process back until <see cref="Release"/>: wired before it starts.</summary>
    public bool IsHeld => Release is not null;

    /// <summary>To be called once, when an event that <see cref="IsHeld"/> has been dealt with: null when the process may start, or the reason why it must not.</summary>
    public Func<string?, Task>? Release { get; init; }
}
