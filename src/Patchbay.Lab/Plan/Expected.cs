using System.Globalization;
using Patchbay.Lab.Schema;

namespace Patchbay.Lab.Plan;

/// <summary>The containers that the files name, as if all of them ran: to check the files, and to draw them.</summary>
internal static class Expected
{
    public static IReadOnlyList<RunningContainer> Containers(LabConfig config)
    {
        var containers = new List<RunningContainer>();
        foreach (var owner in config.Owners)
        {
            if (owner.Kind == OwnerKind.Container)
                containers.Add(new RunningContainer(owner.Name, "", null, 1, ""));
            if (owner.Kind != OwnerKind.Service)
                continue;
            for (var index = 1; index <= config.Services.GetValueOrDefault(owner.Name, 1); index++)
                containers.Add(new RunningContainer(string.Create(CultureInfo.InvariantCulture, $"{owner.Name}_{index}"), "", owner.Name, index, ""));
        }

        return containers;
    }
}
