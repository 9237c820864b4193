using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Engines;

/// <summary>The commands that a page tells its reader to type, so that the test types the very same.</summary>
/// <param name="Page">The page, relative to the repository.</param>
/// <param name="Blocks">Its fenced blocks, in order.</param>
internal sealed record DocumentedCommands(string Page, IReadOnlyList<DocumentedCommands.Block> Blocks)
{
    /// <summary>Reads a page such as <c>docs/engines/podman.md</c>.</summary>
    public static DocumentedCommands Of(string page)
    {
        List<Block> blocks = [];
        string heading = "";
        Block? open = null;
        foreach (string line in File.ReadLines(Repository.PathOf(page)))
        {
            if (line.StartsWith("```", StringComparison.Ordinal))
            {
                if (open is not null)
                    blocks.Add(open);
                open = open is null ? new Block(heading, line[3..].Trim(), []) : null;
            }
            else if (open is not null)
            {
                open.Lines.Add(line);
            }
            else if (line.StartsWith('#'))
            {
                heading = line.TrimStart('#').Trim();
            }
        }

        return new DocumentedCommands(page, blocks);
    }

    /// <summary>All commands under a heading as one script for <c>bash -eu</c>; what they print is left out.</summary>
    public string Under(string heading)
    {
        string script = string.Join('\n', Blocks.Where(block => block.Heading == heading).Select(block => block.Script));
        return script.Trim().Length > 0 ? script : throw new InvalidOperationException($"{Page} has no commands under the heading \"{heading}\"");
    }

    /// <summary>A fenced block: <c>sh</c> is a script, of <c>console</c> the lines after a prompt are, others are no commands.</summary>
    internal sealed record Block(string Heading, string Language, List<string> Lines)
    {
        public string Script => Language switch
        {
            "sh" or "bash" => string.Join('\n', Lines),
            "console" => string.Join('\n', Typed()),
            _ => "",
        };

        // A line that ends in a backslash goes on in the next.
        private IEnumerable<string> Typed()
        {
            bool goesOn = false;
            foreach (string line in Lines)
            {
                bool prompt = line.StartsWith("$ ", StringComparison.Ordinal) || line.StartsWith("# ", StringComparison.Ordinal);
                if (!prompt && !goesOn)
                    continue;
                goesOn = line.EndsWith('\\');
                yield return prompt ? line[2..] : line;
            }
        }
    }
}
