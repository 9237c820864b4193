namespace Patchbay.Bench.Subjects;

/// <summary>A program in its own host namespace, and how it is called for each operation.</summary>
internal abstract class Subject(string program, string variant, NetworkNamespace host)
{
    internal string Program => program;
    internal string Variant => variant;
    internal NetworkNamespace Host => host;
    internal string Label => variant.Length == 0 ? program : $"{program} ({variant})";

    /// <summary>The operations of one round, in order; the last one undoes the first.</summary>
    internal abstract IReadOnlyList<string> Operations { get; }

    /// <summary>The call to measure.</summary>
    internal abstract Command Call(string operation, Attachment attachment);

    /// <summary>Work of the round that is not measured, before an operation; runs inside the host namespace.</summary>
    internal virtual void Before(string operation, Attachment attachment)
    {
    }

    /// <summary>Work of the round that is not measured, after an operation; runs inside the host namespace.</summary>
    internal virtual void After(string operation, Attachment attachment)
    {
    }

    /// <summary>Makes and measures a call; to be used on a thread inside the host namespace.</summary>
    internal Outcome Do(string operation, Attachment attachment, Func<Command, Command>? wrap = null)
    {
        Before(operation, attachment);
        var call = Call(operation, attachment);
        var outcome = Spawn.Run(wrap is null ? call : wrap(call));
        if (operation == "ADD" && outcome.ExitCode == 0)
            attachment.AddResult = outcome.Output;
        After(operation, attachment);
        return outcome;
    }
}
