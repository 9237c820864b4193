namespace Patchbay.Lab.Life;

/// <summary>How long to wait before what failed is tried again: twice as long each time, up to half a minute.</summary>
internal sealed class RetryPause
{
    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Most = TimeSpan.FromSeconds(30);

    private TimeSpan _next = First;

    public TimeSpan Next()
    {
        var now = _next;
        _next = now + now < Most ? now + now : Most;
        return now;
    }

    /// <summary>It did not fail.</summary>
    public void Reset() => _next = First;
}
