namespace Patchbay.Policy.Model;

/// <summary>The two shapes of a destination: v0 has "port", v1 has "ports" with "start" and "end".</summary>
internal enum ApiVersion
{
    V0,
    V1,
}
