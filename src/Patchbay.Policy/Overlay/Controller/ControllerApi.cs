using System.Data.Common;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Patchbay.Policy.Model;
using Patchbay.Policy.Overlay.Leases;
using Patchbay.Policy.Server;

namespace Patchbay.Policy.Overlay.Controller;

/// <summary>What hosts ask over mutual TLS, and what is asked about the controller: paths, statuses and texts of the reference.</summary>
internal sealed class ControllerApi(LeaseStore store, AddressPool pool, LeaseClock clock, ControllerConfiguration configuration, Metrics metrics, ILogger log)
{
    private const string Json = "application/json";
    private const string PrometheusText = "text/plain; version=0.0.4; charset=utf-8";

    /// <summary>The listener of leases.</summary>
    internal Task LeasesAsync(HttpContext context) => AnswerAsync(context, (context.Request.Method, context.Request.Path.Value) switch
    {
        ("GET", "/leases") => List,
        ("PUT", "/leases/acquire") => Acquire,
        ("PUT", "/leases/renew") => Renew,
        ("PUT", "/leases/release") => Release,
        (_, "/leases" or "/leases/acquire" or "/leases/renew" or "/leases/release") => _ => throw new RequestException(StatusCodes.Status405MethodNotAllowed, "method not allowed"),
        _ => _ => throw new RequestException(StatusCodes.Status404NotFound, "not found: GET /leases, PUT /leases/acquire, /leases/renew and /leases/release are"),
    });

    /// <summary>The listener of this host.</summary>
    internal Task HealthAsync(HttpContext context) => AnswerAsync(context, context.Request.Path.Value switch
    {
        "/" or "/health" => _ =>
        {
            store.List();
            return [];
        },
        "/metrics" => _ =>
        {
            Measure();
            return Encoding.UTF8.GetBytes(metrics.Text());
        },
        _ => _ => throw new RequestException(StatusCodes.Status404NotFound, "not found: /health and /metrics are"),
    });

    private byte[] List(byte[] body) =>
        Bytes(new LeaseList { Leases = [.. store.List().Where(each => each.IsActive).Select(each => LeaseEntry.Of(each.Lease))] }, LeaseJson.Default.LeaseList);

    private byte[] Acquire(byte[] body)
    {
        LeaseRequest request = Read(body, LeaseJson.Default.LeaseRequest);
        try
        {
            Lease lease = store.Acquire(Underlay(request), request.SingleOverlayIp);
            metrics.Count("acquire", "Leases asked for.", "success");
            ControllerLog.Acquired(log, lease.ToString());
            return Bytes(LeaseEntry.Of(lease), LeaseJson.Default.LeaseEntry);
        }
        catch (LeaseConflictException e)
        {
            metrics.Count("acquire", "Leases asked for.", "error");
            throw new RequestException(StatusCodes.Status409Conflict, e.Message, e);
        }
    }

    private byte[] Renew(byte[] body)
    {
        try
        {
            Lease lease = Read(body, LeaseJson.Default.LeaseEntry).ToLease();
            store.Renew(lease);
            metrics.Count("renew", "Renewals asked for.", "success");
            ControllerLog.Renewed(log, lease.ToString());
            return "{}"u8.ToArray();
        }
        catch (Exception e) when (e is LeaseConflictException or FormatException)
        {
            metrics.Count("renew", "Renewals asked for.", "error");
            throw new RequestException(StatusCodes.Status409Conflict, $"renew-subnet-lease: {e.Message}", e);
        }
    }

    private byte[] Release(byte[] body)
    {
        IPAddress underlay = Underlay(Read(body, LeaseJson.Default.LeaseRequest));
        bool had = store.Release(underlay);
        metrics.Count("release", "Leases given back.", had ? "success" : "error");
        ControllerLog.Released(log, underlay.ToString(), had);
        return "{}"u8.ToArray();
    }

    // The reference has no status of its own for an address that is none.
    private static IPAddress Underlay(LeaseRequest request) => Lease.TryParseUnderlay(request.UnderlayIp, out IPAddress underlay)
        ? underlay
        : throw new RequestException(StatusCodes.Status500InternalServerError, $"invalid ip address: {request.UnderlayIp}");

    private void Measure()
    {
        IReadOnlyList<(Lease Lease, long Renewed, bool IsActive)> leases = store.List();
        long now = clock.Now;
        metrics.Set("total_leases", "Leases, expired ones included.", leases.Count);
        metrics.Set("free_leases", "Blocks that nobody has.", pool.Blocks - leases.Count(each => !each.Lease.Subnet.IsSingle));
        metrics.Set("stale_leases", "Leases that were not renewed for staleness_threshold_seconds.", leases.Count(each => now - each.Renewed > configuration.StalenessThresholdSeconds));
        metrics.Set("active_leases", "Leases that have not expired.", leases.Count(each => each.IsActive));
    }

    private async Task AnswerAsync(HttpContext context, Func<byte[], byte[]> handler)
    {
        (string method, PathString path) = (context.Request.Method, context.Request.Path);
        int status = StatusCodes.Status200OK;
        byte[] answer;
        try
        {
            answer = handler((await Answer.BodyAsync(context)).ToArray());
        }
        catch (RequestException e)
        {
            status = e.Status;
            answer = Error(e.Message);
            ControllerLog.Refused(log, method, path, status, e.Message);
        }
        catch (Exception e) when (e is DbException or InvalidDataException)
        {
            status = StatusCodes.Status500InternalServerError;
            answer = Error("database failed");
            ControllerLog.StoreFailed(log, method, path, store.Description, e.Message);
        }

        await Answer.BytesAsync(context, status, path == "/metrics" && status == StatusCodes.Status200OK ? PrometheusText : Json, answer);
    }

    private static byte[] Error(string text) => Bytes(new LeaseError { Error = text }, LeaseJson.Default.LeaseError);

    private static byte[] Bytes<T>(T value, JsonTypeInfo<T> type) => JsonSerializer.SerializeToUtf8Bytes(value, type);

    private static T Read<T>(byte[] body, JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(body, type) ?? throw new JsonException("it is null");
        }
        catch (JsonException e)
        {
            throw new RequestException(StatusCodes.Status400BadRequest, $"unmarshal-request: {e.Message}", e);
        }
    }
}
