using System.Runtime.InteropServices;
using Patchbay.Bench;
using Patchbay.Bench.Interop;
using Patchbay.Bench.Load;
using Patchbay.Bench.Report;
using Patchbay.Bench.Scenarios;

try
{
    return Main();
}
catch (BenchException e)
{
    Console.Error.WriteLine($"bench: {e.Message}");
    return 1;
}
catch (OperationCanceledException)
{
    Console.Error.WriteLine("bench: interrupted; nothing is left behind");
    return 130;
}

int Main()
{
    if (args is [LoadWorker.Verb, .. var work])
        return LoadWorker.Run(work);
    var repository = Repository();
    var options = Options.Parse(args, Path.Combine(repository, "bench"), [.. Scenario.All.Select(s => s.Name)]);
    if (Libc.geteuid() != 0)
        throw new BenchException("network namespaces need root: run it as root");
    OwnMounts();

    using var cancellation = new CancellationTokenSource();
    using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Cancel);
    using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Cancel);
    void Cancel(PosixSignalContext context)
    {
        context.Cancel = true;
        cancellation.Cancel();
    }

    var machine = Machine.Read();
    if (machine.IsBusy)
        Session.Log($"load average {machine.LoadBefore} on {machine.Cores} cores: others are at work here, so expect inflated figures");
    using var workspace = new Workspace();
    var session = new Session(options, Peers.Find(repository, workspace), workspace, cancellation.Token);
    foreach (var scenario in Scenario.All)
    {
        if (options.Only.Contains(scenario.Name))
            scenario.Run(session);
    }
    Directory.CreateDirectory(options.OutDirectory);
    File.WriteAllText(Path.Combine(options.OutDirectory, "RESULTS.md"), Markdown.Render(session, machine));
    File.WriteAllText(Path.Combine(options.OutDirectory, "results.json"), RawJson.Render(session, machine));
    File.WriteAllText(Path.Combine(options.OutDirectory, "chart.svg"), Chart.Render(session.Results));
    return 0;
}

// In a mount namespace of its own the run cannot leave a mount behind, and so no network namespace either, however it ends.
void OwnMounts()
{
    const string Marker = "PATCHBAY_BENCH_MOUNTS";
    if (Environment.GetEnvironmentVariable(Marker) == "own")
        return;
    var unshare = Command.Locate("unshare") ?? throw new BenchException("unshare is missing: install the package util-linux");
    var env = Command.Locate("env") ?? throw new BenchException("env is missing: install the package coreutils");
    Spawn.Become(unshare, ["--mount", "--propagation", "private", env, $"{Marker}=own", .. Self.Start, .. args]);
}

static string Repository()
{
    for (var directory = AppContext.BaseDirectory; directory is not null; directory = Path.GetDirectoryName(directory))
    {
        if (File.Exists(Path.Combine(directory, "Patchbay.slnx")))
            return directory;
    }
    throw new BenchException($"no Patchbay.slnx above {AppContext.BaseDirectory}: run the bench from its source tree");
}
