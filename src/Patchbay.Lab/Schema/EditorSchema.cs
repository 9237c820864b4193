namespace Patchbay.Lab.Schema;

/// <summary>The JSON Schema of a network, for editors; what a file really may be, <see cref="NetworkReader"/> knows.</summary>
internal static class EditorSchema
{
    public static string Text
    {
        get
        {
            using var stream = typeof(EditorSchema).Assembly.GetManifestResourceStream("lab.schema.json")!;
            using var reader = new StreamReader(stream);
            return reader.ReadToEnd();
        }
    }
}
