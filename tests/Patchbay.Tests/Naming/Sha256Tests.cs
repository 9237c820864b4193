using System.Security.Cryptography;
using System.Text;
using Patchbay.Plugins.Naming;

namespace Patchbay.Tests.Naming;

public class Sha256Tests
{
    [Fact]
    public void Equals_the_framework_for_every_length_around_the_block_boundaries()
    {
        var data = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 300).Select(i => (char)('a' + (i % 26)))));
        for (var length = 0; length <= data.Length; length++)
            Assert.Equal(SHA256.HashData(data.AsSpan(0, length)), Sha256.Hash(data.AsSpan(0, length)));
    }
}
