using Patchbay.Lab.Engines;

namespace Patchbay.Tests.Lab.Engines;

/// <summary>Mount tables of processes in containers and outside.</summary>
public class OwnContainerTests
{
    private const string Id = "4b9c2f0e1d3a5b7c9e8f6a4d2b0c1e3f5a7b9d8c6e4f2a0b1c3d5e7f9a8b6c4d";

    [Theory]
    [InlineData($"645 620 254:1 /var/lib/docker/containers/{Id}/hosts /etc/hosts rw,relatime - ext4 /dev/vda1 rw", Id)]
    [InlineData($"645 620 254:1 /home/me/.local/share/containers/storage/overlay-containers/{Id}/userdata/resolv.conf /etc/resolv.conf rw - ext4 /dev/vda1 rw", Id)]
    [InlineData($"645 620 0:5 /var/lib/docker/containers/{Id} /mnt/{Id} rw - ext4 /dev/vda1 rw", null)] // another's, mounted by hand
    [InlineData("29 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw", null)]
    [InlineData("645 620 254:1 /var/lib/docker/containers/4b9c/hosts /etc/hosts rw - ext4 /dev/vda1 rw", null)]
    public void Id_of_ones_own(string line, string? id) => Assert.Equal(id, OwnContainer.IdIn(["22 1 0:20 / /proc rw - proc proc rw", line]));
}
