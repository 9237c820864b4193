using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Patchbay.Policy.Certificates;

/// <summary>A certificate authority for development, and what it signs, as PEM files in one directory.</summary>
/// <remarks>RSA everywhere: the first agents offer ECDHE_RSA alone.</remarks>
internal sealed class CertificateFiles(string directory, TimeProvider clock)
{
    private const int KeyBits = 2048;
    private static readonly Oid ServerAuthentication = new("1.3.6.1.5.5.7.3.1"); // RFC 5280, 4.2.1.12
    private static readonly Oid ClientAuthentication = new("1.3.6.1.5.5.7.3.2");

    /// <summary>Makes what is missing: ca, server, client, each a .crt and a .key. What is there stays.</summary>
    /// <param name="serverNames">Names and addresses that the server is called by.</param>
    /// <param name="days">How long the certificates are good.</param>
    /// <returns>The files that were made.</returns>
    internal IReadOnlyList<string> Make(IReadOnlyList<string> serverNames, int days)
    {
        Directory.CreateDirectory(directory);
        var made = new List<string>();
        if (!Exists("ca"))
        {
            using RSA key = RSA.Create(KeyBits);
            using X509Certificate2 certificate = SelfSigned(key, days);
            Write("ca", certificate, key, made);
        }

        using X509Certificate2 ca = X509Certificate2.CreateFromPemFile(PathOf("ca.crt"), PathOf("ca.key"));
        Sign(ca, "server", serverNames[0], ServerAuthentication, serverNames, days, made);
        Sign(ca, "client", "policy agent", ClientAuthentication, [], days, made);
        return made;
    }

    private void Sign(X509Certificate2 ca, string name, string subject, Oid purpose, IReadOnlyList<string> names, int days, List<string> made)
    {
        if (Exists(name))
            return;
        using RSA key = RSA.Create(KeyBits);
        CertificateRequest request = Request(subject, key);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyEncipherment, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([purpose], false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(ca, true, false));
        if (names.Count > 0)
            request.CertificateExtensions.Add(AlternativeNames(names));
        byte[] serial = RandomNumberGenerator.GetBytes(16);
        serial[0] = (byte)(serial[0] & 0x7F | 0x40); // positive, and of full length (RFC 5280, 4.1.2.2)
        (DateTimeOffset from, DateTimeOffset to) = Validity(days);
        DateTimeOffset last = new(ca.NotAfter.ToUniversalTime());
        using X509Certificate2 certificate = request.Create(ca, from, to < last ? to : last, serial);
        Write(name, certificate, key, made);
    }

    private X509Certificate2 SelfSigned(RSA key, int days)
    {
        CertificateRequest request = Request("patchbay development CA", key);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        (DateTimeOffset from, DateTimeOffset to) = Validity(days);
        return request.CreateSelfSigned(from, to);
    }

    private static CertificateRequest Request(string subject, RSA key)
    {
        var name = new X500DistinguishedNameBuilder();
        name.AddCommonName(subject);
        var request = new CertificateRequest(name.Build(), key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        return request;
    }

    private static X509Extension AlternativeNames(IReadOnlyList<string> names)
    {
        var builder = new SubjectAlternativeNameBuilder();
        foreach (string name in names)
        {
            if (IPAddress.TryParse(name, out IPAddress? address))
                builder.AddIpAddress(address);
            else
                builder.AddDnsName(name);
        }

        return builder.Build();
    }

    // An hour back, for machines whose clocks are behind.
    private (DateTimeOffset From, DateTimeOffset To) Validity(int days)
    {
        DateTimeOffset now = clock.GetUtcNow();
        return (now.AddHours(-1), now.AddDays(days));
    }

    private void Write(string name, X509Certificate2 certificate, RSA key, List<string> made)
    {
        SecretFile.Write(PathOf($"{name}.key"), key.ExportPkcs8PrivateKeyPem() + "\n");
        File.WriteAllText(PathOf($"{name}.crt"), certificate.ExportCertificatePem() + "\n");
        made.Add(PathOf($"{name}.crt"));
        made.Add(PathOf($"{name}.key"));
    }

    private bool Exists(string name) => File.Exists(PathOf($"{name}.crt")) && File.Exists(PathOf($"{name}.key"));

    private string PathOf(string file) => Path.Combine(directory, file);
}
