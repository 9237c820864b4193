using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

namespace Patchbay.Tests.PublicApi;

/// <summary>
/// The public surface of the libraries, one golden text each: a change of it shows in review. <c>UPDATE_GOLDEN=1</c> writes the texts anew.
/// </summary>
public class PublicApiTests
{
    [Theory]
    [InlineData("Patchbay.Netlink")]
    [InlineData("Patchbay.Cni")]
    public void Public_surface_is_the_golden_one(string library)
    {
        var actual = Surface(Assembly.Load(library));
        var golden = Path.Combine(Path.GetDirectoryName(ThisFile())!, $"{library}.txt");
        if (Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1")
            File.WriteAllText(golden, actual);
        string[] expected = File.ReadAllLines(golden), now = actual.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        string[] difference = [.. expected.Except(now).Select(l => $"- {l}"), .. now.Except(expected).Select(l => $"+ {l}")];
        Assert.True(difference.Length == 0, $"the public surface changed; if that is meant, run again with UPDATE_GOLDEN=1\n{string.Join('\n', difference)}");
    }

    private static string Surface(Assembly assembly)
    {
        var text = new StringBuilder();
        foreach (var type in assembly.GetExportedTypes().OrderBy(t => t.FullName, StringComparer.Ordinal))
        {
            text.Append($"{Kind(type)} {type}{(type.BaseType is { } b && b != typeof(object) && b != typeof(ValueType) && b != typeof(Enum) ? $" : {b}" : "")}\n");
            var members = type.GetMembers(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly)
                .Where(IsPublic).Select(m => $"{type}: {Describe(m)}");
            foreach (var member in members.Order(StringComparer.Ordinal))
                text.Append(member).Append('\n');
        }

        return text.ToString();
    }

    private static string Kind(Type type) =>
        type.IsEnum ? $"enum({Enum.GetUnderlyingType(type).Name})" : type.IsInterface ? "interface" : type.IsValueType ? "struct"
        : type.IsAbstract && type.IsSealed ? "static class" : type.IsAbstract ? "abstract class" : type.IsSealed ? "sealed class" : "class";

    // Accessors are told by their property; what a record generates says nothing.
    private static bool IsPublic(MemberInfo member) => member switch
    {
        _ when member.Name.StartsWith('<') || member.Name is "PrintMembers" or "EqualityContract" or "Deconstruct" or "GetHashCode" or "Equals" => false,
        MethodInfo m => !m.IsSpecialName && (m.IsPublic || m.IsFamily),
        ConstructorInfo c => c.IsPublic || c.IsFamily,
        FieldInfo f => (f.IsPublic || f.IsFamily) && !f.IsSpecialName,
        PropertyInfo p => p.GetMethod is { IsPublic: true } or { IsFamily: true },
        _ => member is EventInfo,
    };

    private static string Describe(MemberInfo member) => member switch
    {
        FieldInfo { IsLiteral: true } f => $"{f} = {(f.FieldType.IsEnum ? Convert.ToInt64(f.GetRawConstantValue(), null) : f.GetRawConstantValue())}",
        PropertyInfo p => $"{p} {{ get; {(p.SetMethod is { IsPublic: true } s ? s.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit)) ? "init; " : "set; " : "")}}}",
        _ => $"{member}",
    };

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
