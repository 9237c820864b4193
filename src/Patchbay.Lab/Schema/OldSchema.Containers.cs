namespace Patchbay.Lab.Schema;

/// <content>Containers inside of the network container: there Podman ran them as further hosts of mininet's.</content>
internal sealed partial class OldSchema
{
    private const string DefaultImage = "alpine";

    private readonly List<LabContainerConfig> _containers = [];

    private void ReadContainer(ConfigNode node, string path)
    {
        var map = new MapReader(node, path, problems);
        var name = map.Text("name", required: true, longest: 60);
        var options = map.Map("opts");
        // Commands go to the standard input of "sh -is" there; to each its own shell of that kind here.
        var shell = Words(options, "shell_cmd") is [var program, ..] ? program.Text : "sh";
        var host = ReadHostOptions(options, name, new Owner(OwnerKind.Container, name?.Text ?? ""), shell);
        var image = options?.Text("image") ?? new Located(DefaultImage, node.At);
        var command = Words(options, "cmd");
        options?.Find("general_args"); // for the program podman itself, which nobody calls here
        var arguments = Words(options, "run_args");
        if (RunOptions.TryParse([.. arguments.Select(word => word.Text)], out var run) is { } wrong)
            options!.Problem("run_args", wrong);
        options?.Finish();
        map.Finish();
        if (AddHost(map, name, host))
            _containers.Add(new LabContainerConfig { Name = name!.Value, Image = image, Command = [.. command.Select(word => word.Text)], Options = run });
    }

    /// <summary>A list of words, or a text that is divided into words as a shell does it.</summary>
    private static List<Located> Words(MapReader? map, string key) => map?.Find(key) switch
    {
        null => [],
        { Kind: ConfigKind.Text } text => [.. RunOptions.Split(text.Text).Select(word => new Located(word, text.At))],
        _ => [.. map.Texts(key)],
    };
}
