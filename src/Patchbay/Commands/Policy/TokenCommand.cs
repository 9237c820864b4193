using System.CommandLine;
using System.Security.Cryptography;
using Patchbay.Policy.Tokens;

namespace Patchbay.Commands.Policy;

/// <summary><c>patchbay policy token</c>.</summary>
internal static class TokenCommand
{
    internal static Command Create()
    {
        var directory = new Argument<DirectoryInfo>("directory") { Description = "directory of patchbay policy certs, whose key signs" };
        var user = new Option<string>("--user") { Description = "whose token it is", DefaultValueFactory = _ => "admin" };
        var scopes = new Option<string[]>("--scope") { Description = "network.admin or network.write; may be given more than once", DefaultValueFactory = _ => ["network.admin"] };
        var minutes = new Option<int>("--minutes") { Description = "how long it is good", DefaultValueFactory = _ => 60 };
        var command = new Command("token", "Prints a bearer token for development, signed by the key that patchbay policy certs made.") { directory, user, scopes, minutes };
        command.SetAction(result =>
        {
            var issuer = new DevelopmentIssuer(result.GetValue(directory)!.FullName, TimeProvider.System);
            try
            {
                Console.WriteLine(issuer.Issue(result.GetValue(user)!, result.GetValue(scopes)!, TimeSpan.FromMinutes(result.GetValue(minutes))));
                return 0;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
            {
                Console.Error.WriteLine($"patchbay policy token: {issuer.KeyFile}: {e.Message}");
                return 1;
            }
        });
        return command;
    }
}
