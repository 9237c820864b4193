using Patchbay.Cni.Runtime;

namespace Patchbay.Plugins.Tools.NetRun;

/// <summary>The command line of priv-net-run and docker-run: options, then what is to be run.</summary>
internal sealed class RunOptions
{
    /// <summary>What the networks are asked for.</summary>
    internal AttachmentOptions Networks { get; } = new();

    internal bool Help { get; private set; }

    /// <summary>Index of the first argument that is not ours.</summary>
    internal int CommandAt { get; private set; }

    /// <summary>Reads it.</summary>
    /// <param name="arguments">The arguments after the tool's name.</param>
    /// <param name="docker">Whether unknown options are docker's.</param>
    /// <exception cref="Patchbay.Cni.Model.CniException">Code 4: the text says what is wrong.</exception>
    internal static RunOptions Parse(ReadOnlySpan<string> arguments, bool docker)
    {
        RunOptions options = new();
        int i = 0;
        for (; i < arguments.Length; i++)
        {
            string argument = arguments[i];
            if (argument == "--")
            {
                i++;
                break;
            }

            if (argument == "--help" || (argument == "-h" && !docker))
            {
                options.Help = true;
            }
            else if (!options.Networks.Read(arguments, ref i, shortNames: !docker))
            {
                // docker's own options follow ours; a command has none before its name.
                if (!docker && argument.StartsWith('-') && argument.Length > 1)
                    throw AttachmentOptions.Bad($"unknown option {argument}; --help lists them, and -- goes before a command that begins with a dash");
                break;
            }
        }

        options.CommandAt = i;
        return options;
    }
}
