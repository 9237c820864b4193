using Patchbay.Lab.Life;

namespace Patchbay.Tests.Lab;

public class RetryPauseTests
{
    [Fact]
    public void Pauses_grow_to_a_bound_and_begin_anew()
    {
        RetryPause pause = new();

        double[] seconds = [.. Enumerable.Range(0, 9).Select(_ => pause.Next().TotalSeconds)];

        Assert.Equal([0.25, 0.5, 1, 2, 4, 8, 16, 30, 30], seconds);
        pause.Reset();
        Assert.Equal(0.25, pause.Next().TotalSeconds);
    }
}
