using System.Globalization;

namespace Patchbay.Cni.Runtime;

/// <summary>Something in a directory of network configurations that its reader should know.</summary>
/// <param name="File">The file, or the directory.</param>
/// <param name="Line">The line in it, counted from 1; 0 when no line is to blame.</param>
/// <param name="Field">The field, such as <c>plugins[0].ipam.type</c>; empty when none is to blame.</param>
/// <param name="Message">What is wrong, and the way out.</param>
/// <param name="IsError">True when a network cannot be used for it; false when it works, but hardly as meant.</param>
public sealed record ConfigurationProblem(string File, int Line, string Field, string Message, bool IsError)
{
    /// <summary>One line, as compilers print it.</summary>
    /// <returns><c>FILE:LINE: error: FIELD: MESSAGE</c>.</returns>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{File}{(Line > 0 ? $":{Line}" : "")}: {(IsError ? "error" : "warning")}: {(Field.Length > 0 ? $"{Field}: " : "")}{Message}");
}
