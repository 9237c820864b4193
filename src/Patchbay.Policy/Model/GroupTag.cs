using System.Globalization;

namespace Patchbay.Policy.Model;

/// <summary>The number by which packets of a policy group are known on the wire.</summary>
/// <param name="Id">The group: an app's GUID, or a name such as INGRESS_ROUTER.</param>
/// <param name="Tag">Its number, from 1.</param>
/// <param name="Type">app, router, …</param>
internal sealed record GroupTag(string Id, int Tag, string Type)
{
    /// <summary>The type of everything that policies name.</summary>
    internal const string App = "app";

    /// <summary>As documents print it: upper-case hexadecimal, two digits a byte.</summary>
    internal static string Format(int tag, int tagLength) => tag.ToString($"X{2 * tagLength}", CultureInfo.InvariantCulture);
}
