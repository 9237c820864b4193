using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Plugins.Sockets;

namespace Patchbay.Plugins.Meta.Wrapper;

/// <summary>Asks the host's policy agent to do at once what it would do at its next poll. HTTP/1.0, one question a connection: RFC 1945.</summary>
internal sealed class PolicyAgentClient(StreamEndpoint agent, int seconds)
{
    private const int LongestAnswer = 1 << 16;

    /// <summary>Whether a security group that the agent knows of by itself is the agent's business; otherwise the wrapper has those of the container.</summary>
    internal enum GroupsBy
    {
        Agent,
        Wrapper,
    }

    /// <summary>Has policies fetched, and rules made of them.</summary>
    /// <exception cref="CniException">The agent does not answer, or answers something else than 200.</exception>
    internal void PollPolicies()
    {
        var (status, body) = Get("/force-policy-poll-cycle");
        if (status != 200)
            throw new CniException(CniError.Internal, string.Create(CultureInfo.InvariantCulture, $"vpa response code: {status} with message: {body}"));
    }

    /// <summary>Has the security groups of a container put in place.</summary>
    /// <exception cref="CniException">The agent does not answer, or failed.</exception>
    internal GroupsBy SyncGroups(string container)
    {
        var (status, body) = Get($"/force-asgs-for-container?container={container}");
        return status switch
        {
            200 => GroupsBy.Agent,
            405 => GroupsBy.Wrapper, // switched off by the administrator
            _ => throw new CniException(CniError.Internal, string.Create(CultureInfo.InvariantCulture, $"asg sync returned {status} with message: {body}")),
        };
    }

    /// <summary>Has what the agent made of security groups of a container removed.</summary>
    /// <exception cref="CniException">The agent does not answer, or failed.</exception>
    internal void CleanGroups(string container)
    {
        var (status, body) = Get($"/force-orphaned-asgs-cleanup?container={container}");
        if (status is not (200 or 405))
            throw new CniException(CniError.Internal, string.Create(CultureInfo.InvariantCulture, $"asg cleanup returned {status} with message: {body}"));
    }

    /// <summary>Whether anybody listens there.</summary>
    /// <exception cref="CniException">Nobody does.</exception>
    internal void RequirePresent()
    {
        using var connection = Connect();
    }

    private StreamConnection Connect()
    {
        try
        {
            return StreamConnection.Connect(agent.Family, agent.Address, Environment.TickCount64 + (seconds * 1000L), out var error)
                ?? throw new CniException(CniError.TryAgainLater, $"no policy agent answers at {agent.Text}: {Marshal.GetPInvokeErrorMessage(error)}: start it, or correct \"policy_agent_force_poll_address\"");
        }
        catch (TimeoutException error)
        {
            throw Silent(error);
        }
    }

    // The path is made of words and a container id, which has letters, digits, "_", "." and "-" only.
    private (int Status, string Body) Get(string path)
    {
        var answer = new MemoryStream();
        using var connection = Connect();
        try
        {
            connection.Send(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.0\r\nHost: {agent.Text["tcp://".Length..]}\r\nConnection: close\r\n\r\n"));
            Span<byte> room = stackalloc byte[4096];
            for (int count; answer.Length < LongestAnswer && (count = connection.Receive(room)) > 0;)
                answer.Write(room[..count]);
        }
        catch (TimeoutException error)
        {
            throw Silent(error);
        }

        return Parse(Encoding.UTF8.GetString(answer.ToArray()))
            ?? throw new CniException(CniError.Internal, $"the policy agent at {agent.Text} gave no answer of HTTP to GET {path}");
    }

    /// <summary>Status and body of an answer; null when it is none.</summary>
    internal static (int Status, string Body)? Parse(string answer)
    {
        var end = answer.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        if (end < 0 || answer.Split(' ', 3) is not [var version, var code, _] || !version.StartsWith("HTTP/1.", StringComparison.Ordinal))
            return null;
        return int.TryParse(code, NumberStyles.None, CultureInfo.InvariantCulture, out var status) && status is >= 100 and <= 999 ? (status, answer[(end + 4)..].Trim()) : null;
    }

    private CniException Silent(TimeoutException error) =>
        new(CniError.TryAgainLater, $"the policy agent at {agent.Text} does not answer within {seconds} s: is it hanging? Restart it, or raise \"policy_agent_timeout_seconds\"", inner: error);
}
