namespace Patchbay.Plugins.Ipam.HostLocal;

/// <summary>What a resolv.conf(5) says, as far as a CNI result can carry it. Options and search domains of several lines accumulate.</summary>
internal sealed class ResolvConf
{
    internal List<string> Nameservers { get; } = [];

    internal string? Domain { get; private set; }

    internal List<string> Search { get; } = [];

    internal List<string> Options { get; } = [];

    internal static ResolvConf Parse(string text)
    {
        var conf = new ResolvConf();
        foreach (var line in text.Split('\n'))
        {
            if (line.StartsWith('#') || line.StartsWith(';'))
                continue;
            var fields = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length < 2)
                continue;
            switch (fields[0])
            {
                case "nameserver": conf.Nameservers.Add(fields[1]); break;
                case "domain": conf.Domain = fields[1]; break;
                case "search": conf.Search.AddRange(fields.AsSpan(1)); break;
                case "options": conf.Options.AddRange(fields.AsSpan(1)); break;
            }
        }
        return conf;
    }
}
