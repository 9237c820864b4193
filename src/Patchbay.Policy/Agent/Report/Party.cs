using Patchbay.Policy.Agent.Containers;

namespace Patchbay.Policy.Agent.Report;

/// <summary>One end of a connection, as somebody names it: an address, a handle, or an app with one container here.</summary>
/// <param name="Address">Its address.</param>
/// <param name="Container">The container of this host that has it; null for none.</param>
internal sealed record Party(Ipv4 Address, LocalContainer? Container)
{
    /// <summary>Finds whom a text means.</summary>
    /// <exception cref="InvalidDataException">Nobody, or several.</exception>
    internal static Party Find(string text, IReadOnlyList<LocalContainer> containers)
    {
        if (Ipv4.TryParse(text, out Ipv4 address))
            return new Party(address, containers.FirstOrDefault(each => each.Address == address));
        LocalContainer[] found = [.. containers.Where(each => each.Handle == text)];
        if (found.Length == 0)
            found = [.. containers.Where(each => each.App == text)];
        return found.Length switch
        {
            1 => new Party(found[0].Address, found[0]),
            0 => throw new InvalidDataException($"\"{text}\" is no IPv4 address, and neither a container's handle nor an app's id here: patchbay policy show lists those"),
            _ => throw new InvalidDataException($"app \"{text}\" has several containers here, {string.Join(", ", found.Select(each => $"{each.Handle} at {each.Address}"))}: name one of them"),
        };
    }

    public override string ToString() => Container is null ? Address.ToString() : $"{Container.Handle} ({Address}{(Container.App.Length > 0 ? $", app {Container.App}" : "")})";
}
