using System.Text;
using System.Text.Json.Nodes;

namespace Patchbay.SystemTests.Engines.Cri;

/// <summary>
/// Stands in for crictl, which Debian does not have, so that a page can show it: a program of that name on the machine hands its arguments
/// to the test, which makes the same calls and prints what crictl prints of them.
/// </summary>
internal sealed class Crictl : IDisposable
{
    private const string Script = """
        #!/bin/bash
        printf '%s\0' "$PWD" "$@" >/run/crictl.ask
        { read -r status; cat; } </run/crictl.answer
        exit "$status"
        """;

    private readonly CriHost _node;
    private readonly Task _work;

    public Crictl(CriHost node)
    {
        _node = node;
        node.Machine.WriteFile("/run/bin/crictl", Script);
        node.Machine.Run("sh", "-c", "chmod 755 /run/bin/crictl; mkfifo /run/crictl.ask /run/crictl.answer").Check();
        _work = Task.Factory.StartNew(Serve, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    public void Dispose()
    {
        File.WriteAllText(_node.Machine.PathOf("/run/crictl.ask"), "");
        _work.GetAwaiter().GetResult();
    }

    private void Serve()
    {
        while (File.ReadAllText(_node.Machine.PathOf("/run/crictl.ask")) is { Length: > 0 } asked)
        {
            string[] arguments = asked.TrimEnd('\0').Split('\0');
            string answer;
            try
            {
                answer = $"0\n{Answer(arguments[0], arguments[1], arguments.ElementAtOrDefault(2) ?? "")}\n";
            }
            catch (Exception e) when (e is GrpcException or InvalidOperationException or IOException)
            {
                answer = $"1\n{e.Message}\n";
            }

            File.WriteAllBytes(_node.Machine.PathOf("/run/crictl.answer"), Encoding.UTF8.GetBytes(answer));
        }
    }

    private string Answer(string directory, string verb, string operand)
    {
        switch (verb)
        {
            case "info":
                return new JsonObject { ["status"] = new JsonObject { ["conditions"] = new JsonArray([Condition("RuntimeReady"), Condition("NetworkReady")]) } }.ToJsonString();
            case "runp":
                return _node.Client.RunPodSandbox(File.ReadAllText(_node.Machine.PathOf(Path.Combine(directory, operand))));
            case "inspectp":
                return Inspect(operand);
            case "stopp":
                _node.Client.StopPodSandbox(operand);
                return $"Stopped sandbox {operand}";
            case "rmp":
                _node.Client.RemovePodSandbox(operand);
                return $"Removed sandbox {operand}";
            default:
                throw new InvalidOperationException($"no such command: {verb}");
        }
    }

    private JsonObject Condition(string type)
    {
        CriCondition condition = _node.Client.Condition(type);
        return new JsonObject { ["message"] = condition.Message, ["reason"] = condition.Reason, ["status"] = condition.Status, ["type"] = type };
    }

    private string Inspect(string id)
    {
        PodStatus status = _node.Client.PodSandboxStatus(id);
        var network = new JsonObject
        {
            ["additionalIps"] = new JsonArray([.. status.AdditionalIps.Select(ip => new JsonObject { ["ip"] = ip })]),
            ["ip"] = status.Ip,
        };
        return new JsonObject
        {
            ["info"] = JsonNode.Parse(status.Info.GetRawText()),
            ["status"] = new JsonObject { ["id"] = id, ["network"] = network, ["state"] = status.Ready ? "SANDBOX_READY" : "SANDBOX_NOTREADY" },
        }.ToJsonString();
    }
}
