using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Lab.Engines;

/// <summary>A bundle for runc with the lab's hook in it, and the runs of it, on a test's host.</summary>
internal sealed class RuncBundle(TestHost host)
{
    private string Bundle => Path.Combine(host.Directory, "bundle");

    public string Root => Path.Combine(host.Directory, "runc");

    public string HookSocket => Path.Combine(host.Directory, "hooks.sock");

    /// <summary>Runs <c>runc</c>; its streams become those of the container, so no pipe: nobody would see the end of it.</summary>
    public CommandResult Runc(params string[] arguments) => host.Run(
        ["sh", "-c", """out=$1; shift; runc "$@" </dev/null >"$out.out" 2>"$out.err"; s=$?; cat "$out.out"; cat "$out.err" >&2; exit $s""",
            "sh", Path.Combine(host.Directory, "runc-log"), "--root", Root, .. arguments]);

    /// <summary>Runs the container, which has the host's name.</summary>
    public CommandResult Run(params string[] options) => Runc(["run", "--bundle", Bundle, .. options, host.Name]);

    public void Delete() => Runc("delete", "--force", host.Name);

    public void Make(string[] command, params string[] hookOptions)
    {
        host.Run(["sh", "-euc", """
            mkdir -p "$0/rootfs/bin" && cd "$0"
            cp "$(command -v busybox)" rootfs/bin/
            for applet in sh sleep ip true; do ln -sf busybox rootfs/bin/$applet; done
            rm -f config.json
            runc spec
            """, Bundle]).Check();
        string file = Path.Combine(Bundle, "config.json");
        JsonObject config = JsonNode.Parse(File.ReadAllText(file))!.AsObject();
        config["process"]!["terminal"] = false;
        config["process"]!["args"] = new JsonArray([.. command.Select(word => (JsonNode)word)]);
        config["annotations"] = new JsonObject { ["org.example.colour"] = "blue" };
        string[] line = [.. PatchbayProgram.Line, "lab", "hook", "--socket", HookSocket, .. hookOptions];
        JsonObject hook = new()
        {
            ["path"] = line[0],
            ["args"] = new JsonArray([.. line.Select(word => (JsonNode)word)]),
            ["env"] = new JsonArray(["PATH=/usr/sbin:/usr/bin:/sbin:/bin", $"HOME={host.Directory}"]),
        };
        config["hooks"] = new JsonObject { ["createRuntime"] = new JsonArray(hook), ["poststop"] = new JsonArray(hook.DeepClone()) };
        File.WriteAllText(file, config.ToJsonString());
    }
}
