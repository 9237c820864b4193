using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Policy.Overlay.Leases;

/// <summary>A lease as the controller's API and the file of leases have it.</summary>
internal sealed class LeaseEntry
{
    public string? UnderlayIp { get; set; }

    public string? OverlaySubnet { get; set; }

    public string? OverlayHardwareAddr { get; set; }

    internal static LeaseEntry Of(Lease lease) => new()
    {
        UnderlayIp = lease.Underlay.ToString(),
        OverlaySubnet = lease.Subnet.ToString(),
        OverlayHardwareAddr = lease.Address.ToString(),
    };

    /// <summary>The lease that is meant. Without an Ethernet address it has the one that follows from the subnet.</summary>
    /// <exception cref="FormatException">Nothing can be meant; the text names the key and its value.</exception>
    internal Lease ToLease()
    {
        if (!Lease.TryParseUnderlay(UnderlayIp, out IPAddress underlay))
            throw new FormatException($"underlay_ip is \"{UnderlayIp}\", which is no address of a host");
        if (!Subnet.TryParse(OverlaySubnet, out Subnet subnet))
            throw new FormatException($"overlay_subnet is \"{OverlaySubnet}\", which is no IPv4 network such as 10.255.30.0/24");
        if (OverlayHardwareAddr is not { Length: > 0 } text)
            return Lease.Of(underlay, subnet);
        return MacAddress.TryParse(text, out MacAddress address) && !address.IsMulticast && address.Value != 0
            ? new Lease(underlay, subnet, address)
            : throw new FormatException($"overlay_hardware_addr is \"{text}\", which is no Ethernet address of one interface such as ee:ee:0a:ff:1e:00");
    }
}

/// <summary>Leases: what <c>GET /leases</c> answers, and the file of leases.</summary>
internal sealed class LeaseList
{
    public List<LeaseEntry>? Leases { get; set; }

    /// <summary>Those that can be meant.</summary>
    /// <param name="problems">Gets a text for each other one.</param>
    internal List<Lease> ToLeases(List<string> problems)
    {
        var leases = new List<Lease>();
        foreach (LeaseEntry entry in Leases ?? [])
        {
            try
            {
                leases.Add(entry.ToLease());
            }
            catch (FormatException e)
            {
                problems.Add($"a lease is left out: {e.Message}");
            }
        }

        return leases;
    }
}

/// <summary>The body of <c>PUT /leases/acquire</c> and <c>PUT /leases/release</c>.</summary>
internal sealed class LeaseRequest
{
    public string? UnderlayIp { get; set; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool SingleOverlayIp { get; set; }
}

/// <summary>What is wrong, in the API's answers.</summary>
internal sealed class LeaseError
{
    public string? Error { get; set; }
}

/// <summary>Keys are in snake_case; comments and trailing commas are let pass.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, ReadCommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true)]
[JsonSerializable(typeof(LeaseList))]
[JsonSerializable(typeof(LeaseRequest))]
[JsonSerializable(typeof(LeaseError))]
internal sealed partial class LeaseJson : JsonSerializerContext;
