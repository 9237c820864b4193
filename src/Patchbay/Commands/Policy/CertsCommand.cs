using System.CommandLine;
using System.Security.Cryptography;
using Patchbay.Policy.Certificates;
using Patchbay.Policy.Tokens;

namespace Patchbay.Commands.Policy;

/// <summary><c>patchbay policy certs</c>.</summary>
internal static class CertsCommand
{
    internal static Command Create()
    {
        var directory = new Argument<DirectoryInfo>("directory") { Description = "where to; it is made if it is not there" };
        var names = new Option<string[]>("--name")
        {
            Description = "name or address that the server is called by; may be given more than once",
            DefaultValueFactory = _ => ["policy-server.service.cf.internal", "localhost", "127.0.0.1", "::1"],
        };
        var days = new Option<int>("--days") { Description = "how long the certificates are good", DefaultValueFactory = _ => 365 };
        var command = new Command("certs", "Makes certificates for development: a CA, a server's and a client's pair, and a key that signs tokens. Files that are there stay as they are.")
        {
            directory, names, days,
        };
        command.SetAction(result =>
        {
            string path = result.GetValue(directory)!.ToString(); // as it was typed, so that it can be shown as it was typed
            if (result.GetValue(days) is < 1 or > 36500)
                return Fail("--days must be from 1 to 36500");
            if (result.GetValue(names) is not { Length: > 0 } serverNames)
                return Fail("--name needs a name");
            try
            {
                IReadOnlyList<string> made = [.. new CertificateFiles(path, TimeProvider.System).Make(serverNames, result.GetValue(days)), .. new DevelopmentIssuer(path, TimeProvider.System).Make()];
                foreach (string file in made)
                    Console.WriteLine(file);
                if (made.Count == 0)
                    Console.WriteLine($"nothing to do: {path} has everything");
                return 0;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
            {
                return Fail(e.Message);
            }
        });
        return command;
    }

    private static int Fail(string why)
    {
        Console.Error.WriteLine($"patchbay policy certs: {why}");
        return 1;
    }
}
