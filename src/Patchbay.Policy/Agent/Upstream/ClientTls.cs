using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Patchbay.Policy.Certificates;

namespace Patchbay.Policy.Agent.Upstream;

/// <summary>The agent's certificate and the CA that the server's must come from.</summary>
internal sealed class ClientTls(string certificateFile, string keyFile, string caFile)
{
    private readonly string[] _files = [certificateFile, keyFile, caFile];

    /// <summary>Moves when a file is replaced.</summary>
    internal string Stamp => PemFiles.Stamp(_files);

    /// <summary>Reads the files.</summary>
    /// <exception cref="InvalidDataException">One cannot be used; the text names it.</exception>
    internal SslClientAuthenticationOptions Load()
    {
        X509Certificate2 own = PemFiles.Pair(certificateFile, keyFile);
        // No list of revoked certificates is configured, and what a stranger's certificate points to is not fetched.
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        policy.CustomTrustStore.AddRange(PemFiles.All(caFile));
        return new SslClientAuthenticationOptions
        {
            ClientCertificates = [own],
            LocalCertificateSelectionCallback = (_, _, _, _, _) => own, // also where the server's list of CAs is empty
            CertificateChainPolicy = policy,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        };
    }
}
