using System.Globalization;
using System.Text.Json;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Policy;

/// <summary>An answer as <c>curl -i</c> prints it.</summary>
internal sealed record HttpAnswer(int Status, IReadOnlyDictionary<string, string> Headers, string Body)
{
    public JsonElement Json
    {
        get
        {
            using var document = JsonDocument.Parse(Body);
            return document.RootElement.Clone();
        }
    }

    /// <summary>Whether there is a header of this name, in any case.</summary>
    public bool Has(string header) => Headers.ContainsKey(header);

    public static HttpAnswer Parse(CommandResult curl)
    {
        string text = curl.StandardOutput;
        int end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        Assert.True(end >= 0, $"no headers: {curl}");
        string[] lines = text[..end].Split("\r\n");
        var headers = lines.Skip(1).Select(each => each.Split(": ", 2)).ToDictionary(each => each[0], each => each[1], StringComparer.OrdinalIgnoreCase);
        return new HttpAnswer(int.Parse(lines[0].Split(' ')[1], CultureInfo.InvariantCulture), headers, text[(end + 4)..]);
    }

    /// <summary>This answer, once its status is as expected.</summary>
    public HttpAnswer Is(int status)
    {
        Assert.True(Status == status, $"status {Status} instead of {status}: {Body}");
        return this;
    }

    /// <summary>Asserts an error with this text.</summary>
    public void IsError(int status, string text)
    {
        Is(status);
        Assert.Equal(text, Json.GetProperty("error").GetString());
    }
}
