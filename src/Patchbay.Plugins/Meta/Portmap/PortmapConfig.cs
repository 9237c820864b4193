using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;

namespace Patchbay.Plugins.Meta.Portmap;

/// <summary>The keys of portmap. docs/portmap.md.</summary>
internal sealed class PortmapConfig
{
    private const int DefaultMarkBit = 13;

    private PortmapConfig(PluginRequest request)
    {
        var root = request.Config.Root;
        Backend = root.String("backend");
        if (Backend is not (null or Iptables or Nftables))
            throw new CniException(CniError.InvalidNetworkConfig, $"unrecognized backend \"{Backend}\": it must be \"{Iptables}\", \"{Nftables}\" or absent");
        Snat = root.Boolean("snat") ?? true;
        MasqueradeAll = root.Boolean("masqAll") ?? false;
        ConditionsV4 = root.Strings("conditionsV4") ?? [];
        ConditionsV6 = root.Strings("conditionsV6") ?? [];
        ReadMark(root);
        var language = ChooseLanguage();
        Mappings = PortMappingList.Read(request.Config);
        UsesIptables = language is null ? PacketFilter.IptablesTool.Find("iptables-restore") is not null : language == Iptables;
        IsBackendChosen = language is not null;
    }

    internal const string Iptables = "iptables";
    internal const string Nftables = "nftables";

    internal string? Backend { get; }

    internal bool Snat { get; }

    internal bool MasqueradeAll { get; }

    internal IReadOnlyList<string> ConditionsV4 { get; }

    internal IReadOnlyList<string> ConditionsV6 { get; }

    internal int MarkBit { get; private set; } = DefaultMarkBit;

    /// <summary>The chain that marks packets to be masqueraded, when it is not ours; iptables only.</summary>
    internal string? ExternalSetMarkChain { get; private set; }

    internal IReadOnlyList<PortMapping> Mappings { get; }

    /// <summary>Which backend adds; all others only remove.</summary>
    internal bool UsesIptables { get; }

    /// <summary>Whether the configuration leaves no choice: a backend, or what only one of them has.</summary>
    internal bool IsBackendChosen { get; }

    internal IReadOnlyList<string> Conditions(bool ipv4) => ipv4 ? ConditionsV4 : ConditionsV6;

    internal bool Applies(bool ipv4)
    {
        foreach (var mapping in Mappings)
        {
            if (mapping.AppliesTo(ipv4))
                return true;
        }

        return false;
    }

    /// <summary>Reads the configuration.</summary>
    /// <exception cref="CniException">Code 7: a key or combination that cannot be.</exception>
    internal static PortmapConfig Read(PluginRequest request) => new(request);

    private void ReadMark(JsonView root)
    {
        if (root.Get("markMasqBit") is { } bit)
        {
            if (bit.Element.ValueKind != System.Text.Json.JsonValueKind.Number || !bit.Element.TryGetInt32(out var number) || number is < 0 or > 31)
                throw new CniException(CniError.InvalidNetworkConfig, $"MasqMarkBit must be between 0 and 31 (\"markMasqBit\" is {bit.Element.GetRawText()})");
            MarkBit = number;
        }

        ExternalSetMarkChain = root.String("externalSetMarkChain");
        if (ExternalSetMarkChain is not { } chain)
            return;
        if (root.Has("markMasqBit"))
            throw new CniException(CniError.InvalidNetworkConfig, "Cannot specify externalSetMarkChain and markMasqBit");
        // The length is what iptables takes; the rest keeps it one word of a line of iptables-restore.
        if (chain.Length is 0 or > 28 || chain.StartsWith('-') || !Array.TrueForAll(chain.ToCharArray(), c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'))
            throw new CniException(CniError.InvalidNetworkConfig, $"externalSetMarkChain \"{chain}\" is not the name of an iptables chain");
    }

    // Conditions are in the language of one backend, and a chain that marks is iptables' alone.
    private string? ChooseLanguage()
    {
        var chosen = (Language: Backend, Because: "backend");
        foreach (var (language, because) in (ReadOnlySpan<(string?, string)>)
            [(LanguageOf(ConditionsV4), "conditionsV4"), (LanguageOf(ConditionsV6), "conditionsV6"), (ExternalSetMarkChain is null ? null : Iptables, "externalSetMarkChain")])
        {
            if (language is null)
                continue;
            if (chosen.Language is { } other && other != language)
            {
                throw new CniException(CniError.InvalidNetworkConfig, chosen.Because == "backend"
                    ? $"{other} backend was requested but configuration contains {language}-specific options [{because}]"
                    : $"{chosen.Because} is for the {other} backend and {because} for {language}");
            }

            if (chosen.Language is null)
                chosen = (language, because);
        }

        return chosen.Language;
    }

    private static string? LanguageOf(IReadOnlyList<string> conditions) =>
        conditions.Count == 0 ? null : conditions[0].StartsWith('-') || conditions[0].StartsWith('!') ? Iptables : Nftables;
}
