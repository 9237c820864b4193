using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Patchbay.Policy.Agent.Upstream;

/// <summary>The agent's certificate and the CA that the server's must come from.</summary>
internal sealed class ClientTls(string certificateFile, string keyFile, string caFile)
{
    private readonly string[] _files = [certificateFile, keyFile, caFile];

    /// <summary>Moves when a file is replaced.</summary>
    internal string Stamp => string.Join(' ', _files.Select(each => File.GetLastWriteTimeUtc(each).Ticks));

    /// <summary>Reads the files.</summary>
    /// <exception cref="InvalidDataException">One cannot be used; the text names it.</exception>
    internal SslClientAuthenticationOptions Load()
    {
        string at = certificateFile;
        try
        {
            // By way of PKCS#12, since a key that was read from PEM is bound to this object and not to the copies that SslStream makes.
            using var pem = X509Certificate2.CreateFromPemFile(certificateFile, keyFile);
            X509Certificate2 own = X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
            at = caFile;
            // No list of revoked certificates is configured, and what a stranger's certificate points to is not fetched.
            var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
            policy.CustomTrustStore.ImportFromPemFile(caFile);
            if (policy.CustomTrustStore.Count == 0)
                throw new CryptographicException("it has no certificate");
            return new SslClientAuthenticationOptions
            {
                ClientCertificates = [own],
                LocalCertificateSelectionCallback = (_, _, _, _, _) => own, // also where the server's list of CAs is empty
                CertificateChainPolicy = policy,
                EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            };
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new InvalidDataException($"{at}: {e.Message}", e);
        }
    }
}
