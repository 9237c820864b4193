namespace Patchbay.Lab.Engines.Containerd;

/// <summary>What containerd says, decoded by hand: only the fields that are used, by their numbers in containerd's api/*.proto.</summary>
internal static class ContainerdMessages
{
    /// <summary>containerd.services.events.v1.Envelope: the topic, and the bytes of the event inside its Any.</summary>
    public static (string Topic, byte[] Event) Envelope(ReadOnlySpan<byte> message)
    {
        var topic = "";
        byte[] inner = [];
        var envelope = new ProtoReader(message);
        while (envelope.Next())
        {
            switch (envelope.Field)
            {
                case 3: topic = envelope.Text(); break;
                case 4: inner = AnyValue(envelope.Bytes).ToArray(); break;
            }
        }

        return (topic, inner);
    }

    /// <summary>containerd.events.TaskCreate, TaskPaused and TaskResumed: the container, and the process where there is one.</summary>
    public static (string Container, int Pid) TaskEvent(ReadOnlySpan<byte> message)
    {
        const int PidOfCreate = 6;
        var (container, pid) = ("", 0);
        var task = new ProtoReader(message);
        while (task.Next())
        {
            switch (task.Field)
            {
                case 1: container = task.Text(); break;
                case PidOfCreate: pid = (int)task.Number; break;
            }
        }

        return (container, pid);
    }

    /// <summary>containerd.events.TaskExit: <c>Process</c> is the container's own id, or that of a further process (exec).</summary>
    public static (string Container, string Process, int Pid) TaskExit(ReadOnlySpan<byte> message)
    {
        var (container, process, pid) = ("", "", 0);
        var exit = new ProtoReader(message);
        while (exit.Next())
        {
            switch (exit.Field)
            {
                case 1: container = exit.Text(); break;
                case 2: process = exit.Text(); break;
                case 3: pid = (int)exit.Number; break;
            }
        }

        return (container, process, pid);
    }

    /// <summary>Answer of Tasks/List: a repeated containerd.v1.types.Process.</summary>
    public static List<ContainerdTask> Tasks(ReadOnlySpan<byte> message)
    {
        var tasks = new List<ContainerdTask>();
        var list = new ProtoReader(message);
        while (list.Next())
        {
            if (list.Field == 1)
                tasks.Add(Task(list.Bytes));
        }

        return tasks;
    }

    /// <summary>Answer of Containers/Get: the labels, and the OCI specification as JSON.</summary>
    public static (Dictionary<string, string> Labels, byte[] Specification) Container(ReadOnlySpan<byte> message)
    {
        var labels = new Dictionary<string, string>();
        byte[] specification = [];
        var answer = new ProtoReader(message);
        while (answer.Next())
        {
            if (answer.Field != 1)
                continue;
            var container = new ProtoReader(answer.Bytes);
            while (container.Next())
            {
                switch (container.Field)
                {
                    case 2: container.EntryTo(labels); break;
                    case 5: specification = AnyValue(container.Bytes).ToArray(); break;
                }
            }
        }

        return (labels, specification);
    }

    /// <summary>Answer of Tasks/Wait: the exit status.</summary>
    public static int ExitStatus(ReadOnlySpan<byte> message)
    {
        var status = 0;
        var answer = new ProtoReader(message);
        while (answer.Next())
        {
            if (answer.Field == 1)
                status = (int)answer.Number;
        }

        return status;
    }

    /// <summary>google.protobuf.Any.</summary>
    public static ProtoWriter Any(string type, ReadOnlySpan<byte> value) => new ProtoWriter().Text(1, type).Bytes(2, value);

    private static ContainerdTask Task(ReadOnlySpan<byte> message)
    {
        var (id, pid, status) = ("", 0, default(ContainerdTaskStatus));
        var process = new ProtoReader(message);
        while (process.Next())
        {
            switch (process.Field)
            {
                case 2: id = process.Text(); break;
                case 3: pid = (int)process.Number; break;
                case 4: status = (ContainerdTaskStatus)process.Number; break;
            }
        }

        return new ContainerdTask(id, pid, status);
    }

    private static ReadOnlySpan<byte> AnyValue(ReadOnlySpan<byte> message)
    {
        ReadOnlySpan<byte> value = default;
        var any = new ProtoReader(message);
        while (any.Next())
        {
            if (any.Field == 2)
                value = any.Bytes;
        }

        return value;
    }
}

/// <summary>The first process of a container.</summary>
internal readonly record struct ContainerdTask(string Container, int Pid, ContainerdTaskStatus Status)
{
    /// <summary>It has namespaces: it waits to be started, runs, or is frozen.</summary>
    public bool HasProcess => Status is ContainerdTaskStatus.Created or ContainerdTaskStatus.Running or ContainerdTaskStatus.Paused or ContainerdTaskStatus.Pausing;
}

/// <summary>containerd.v1.types.Status.</summary>
internal enum ContainerdTaskStatus
{
    Unknown,
    Created,
    Running,
    Stopped,
    Paused,
    Pausing,
}
