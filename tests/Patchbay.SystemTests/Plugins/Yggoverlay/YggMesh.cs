namespace Patchbay.SystemTests.Plugins.Yggoverlay;

/// <summary>Two hosts whose nodes are peers by a wire of their own, and know each other.</summary>
internal sealed class YggMesh : IDisposable
{
    public YggMesh(string rangesOfTwo = Conf.Dual, string generation = "0.4")
    {
        One = new YggHost(generation: generation);
        try
        {
            Two = new YggHost(rangesOfTwo, generation);
            One.Peer(Two);
            One.Start();
            Two.Start();
            YggHost.Reach(One.Host, Two.NodeAddress);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public YggHost One { get; }

    public YggHost Two { get; } = null!;

    public void Dispose()
    {
        One.Dispose();
        Two?.Dispose();
    }
}
