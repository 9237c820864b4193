using System.CommandLine;
using System.Globalization;
using Patchbay.Netlink;
using Patchbay.Policy.Agent.Containers;
using Patchbay.Policy.Agent.Plan;
using Patchbay.Policy.Agent.Report;

namespace Patchbay.Commands.Policy;

/// <summary><c>patchbay policy explain SRC DST PORT</c>.</summary>
internal static class ExplainCommand
{
    internal static Command Create()
    {
        var names = new ContainerNames();
        var source = new Argument<string>("SRC") { Description = "who connects: an address, a container's handle, or an app's id" };
        var destination = new Argument<string>("DST") { Description = "to whom" };
        var port = new Argument<string>("PORT") { Description = "the port, such as 8080 or udp/53" };
        var command = new Command("explain", "Tells which rule of this host decides about a connection, and why. Exit status 0 when it is accepted, 2 when it is rejected.") { source, destination, port, names.Config, names.Datastore };
        command.SetAction(async (result, cancel) =>
        {
            try
            {
                IReadOnlyList<LocalContainer> told = await names.ReadAsync(result, cancel);
                (byte protocol, ushort number) = Port(result.GetRequiredValue(port));
                EnforcedState state = EnforcedState.Read();
                IReadOnlyList<LocalContainer> containers = told.Count > 0 ? told : state.Containers;
                Explanation explanation = Explanation.Of(state, Party.Find(result.GetRequiredValue(source), containers), Party.Find(result.GetRequiredValue(destination), containers), protocol, number);
                foreach (string step in explanation.Steps)
                    await Console.Out.WriteLineAsync(step);
                return explanation.IsAllowed ? 0 : 2;
            }
            catch (Exception e) when (e is InvalidDataException or NetlinkException or IOException or UnauthorizedAccessException)
            {
                await Console.Error.WriteLineAsync($"patchbay policy explain: {e.Message}");
                return 1;
            }
        });
        return command;
    }

    private static (byte Protocol, ushort Port) Port(string text)
    {
        string[] parts = text.Split('/');
        byte protocol = parts.Length == 1 ? AppPolicy.Tcp : parts[0] switch { "tcp" => AppPolicy.Tcp, "udp" => AppPolicy.Udp, _ => (byte)0 };
        return parts.Length <= 2 && protocol != 0 && ushort.TryParse(parts[^1], NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) && port != 0
            ? (protocol, port)
            : throw new InvalidDataException($"PORT is \"{text}\"; it must be a number from 1 to 65535, or tcp/NUMBER or udp/NUMBER");
    }
}
