using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Patchbay.Policy.Server;

/// <summary>
/// Answers that cost nothing while nothing changed: 304 for who has the newest (RFC 9110, 13.1.2), at once, or for
/// <c>Prefer: wait=N</c> (RFC 7240, 4.3) after N seconds unless a change comes first.
/// </summary>
internal sealed class Conditional(PolicyCatalog catalog, ServerMetrics metrics, TimeProvider clock, CancellationToken stopping)
{
    private const int LongestWait = 300;

    /// <summary>Answers with what <paramref name="select"/> finds, once it is news to the caller.</summary>
    /// <param name="context">The request.</param>
    /// <param name="select">Looks at memory: the state's name, and how to write it.</param>
    internal async Task AnswerAsync(HttpContext context, Func<(string Tag, Func<Task> Write)> select)
    {
        StringValues known = context.Request.Headers.IfNoneMatch;
        int wait = known.Count > 0 ? Wait(context.Request.Headers["Prefer"]) : 0;
        if (wait > 0)
            context.Response.Headers["Preference-Applied"] = $"wait={wait}";
        long start = clock.GetTimestamp();
        while (true)
        {
            Task changed = catalog.Changed;
            (string tag, Func<Task> write) = select();
            bool isNews = known.Count == 0 || !Matches(known, tag);
            TimeSpan left = TimeSpan.FromSeconds(wait) - clock.GetElapsedTime(start);
            if (isNews || left <= TimeSpan.Zero || stopping.IsCancellationRequested)
            {
                context.Response.Headers.ETag = tag;
                context.Response.Headers.CacheControl = "no-cache";
                Api.TellAge(context, catalog);
                if (isNews)
                    await write();
                else
                    context.Response.StatusCode = StatusCodes.Status304NotModified;
                return;
            }

            await WaitAsync(changed, left, context.RequestAborted);
        }
    }

    private async Task WaitAsync(Task changed, TimeSpan left, CancellationToken aborted)
    {
        metrics.EnterLongPoll();
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(aborted, stopping);
        try
        {
            await changed.WaitAsync(left, clock, cancel.Token);
        }
        catch (TimeoutException)
        {
            // The caller's time is over: it hears that nothing changed.
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // So does it when the server stops, and asks another one.
        }
        finally
        {
            metrics.LeaveLongPoll();
        }
    }

    private static bool Matches(StringValues known, string tag)
    {
        if (!EntityTagHeaderValue.TryParseList(known, out IList<EntityTagHeaderValue>? tags))
            return false;
        foreach (EntityTagHeaderValue each in tags)
        {
            // Weak comparison: a proxy that compresses makes tags weak.
            if (each.Tag == "*" || each.Tag == tag)
                return true;
        }

        return false;
    }

    private static int Wait(StringValues preferences)
    {
        foreach (string? line in preferences)
        {
            foreach (string preference in (line ?? "").Split(',', ';'))
            {
                string[] parts = preference.Split('=', 2, StringSplitOptions.TrimEntries);
                if (parts.Length == 2 && parts[0].Equals("wait", StringComparison.OrdinalIgnoreCase)
                    && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int seconds))
                    return Math.Min(seconds, LongestWait);
            }
        }

        return 0;
    }
}
