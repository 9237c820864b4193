using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Patchbay.Policy.Certificates;

namespace Patchbay.Tests.Policy;

/// <summary>Lists of revoked certificates as .NET itself makes them; openssl's are in the system tests.</summary>
public sealed class RevocationListsTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("pb-crl-");
    private readonly X509Certificate2 _rsa, _ecdsa, _stranger;

    public RevocationListsTests()
    {
        using RSA rsa = RSA.Create(2048), other = RSA.Create(2048);
        using ECDsa ecdsa = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        _rsa = Authority(new CertificateRequest("CN=one", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
        _ecdsa = Authority(new CertificateRequest("CN=two", ecdsa, HashAlgorithmName.SHA384));
        _stranger = Authority(new CertificateRequest("CN=one", other, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)); // by its name alone it is the first
    }

    public void Dispose()
    {
        foreach (X509Certificate2 each in (X509Certificate2[])[_rsa, _ecdsa, _stranger])
            each.Dispose();
        _directory.Delete(recursive: true);
    }

    [Fact]
    public void Each_list_revokes_certificates_of_its_own_authority()
    {
        // The first bit of a serial number makes DER put a zero before it.
        using X509Certificate2 first = Signed(_rsa, 0x80), second = Signed(_ecdsa, 0x80), third = Signed(_rsa, 0x01);
        RevocationLists read = Read(List(_rsa, 30, first), List(_ecdsa, 10));

        Assert.Equal((true, false, false), (read.Has(first), read.Has(second), read.Has(third)));
        Assert.Equal(1, read.Count);
        Assert.Equal(Now.AddDays(10), read.NextUpdate);
        Assert.True(Read(List(_ecdsa, 1, second)).Has(second));
    }

    [Fact]
    public void What_is_no_list_of_these_authorities_is_not_taken()
    {
        Assert.Contains("none of the CAs has signed", Wrong(List(_stranger, 1)), StringComparison.Ordinal);
        Assert.Contains("has no list", Wrong(""), StringComparison.Ordinal);
        Assert.Contains("\"CERTIFICATE\"", Wrong(_rsa.ExportCertificatePem()), StringComparison.Ordinal);
        Assert.Contains("damaged", Wrong(PemEncoding.WriteString("X509 CRL", [0x30, 0x03, 0x02, 0x01, 0x01])), StringComparison.Ordinal);
        Assert.Contains("SHA", Wrong(List(_rsa, 1, RSASignaturePadding.Pss)), StringComparison.Ordinal);
    }

    private static X509Certificate2 Authority(CertificateRequest request)
    {
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        return request.CreateSelfSigned(Now.AddDays(-1), Now.AddDays(100));
    }

    private static X509Certificate2 Signed(X509Certificate2 authority, byte firstOfSerial)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=agent", key, HashAlgorithmName.SHA256);
        X509SignatureGenerator signer = authority.GetRSAPrivateKey() is { } rsa
            ? X509SignatureGenerator.CreateForRSA(rsa, RSASignaturePadding.Pkcs1)
            : X509SignatureGenerator.CreateForECDsa(authority.GetECDsaPrivateKey()!);
        return request.Create(authority.SubjectName, signer, Now, Now.AddDays(1), [0, firstOfSerial, 7]);
    }

    private static string List(X509Certificate2 authority, int days, params X509Certificate2[] revoked) => List(authority, days, RSASignaturePadding.Pkcs1, revoked);

    private static string List(X509Certificate2 authority, int days, RSASignaturePadding padding, params X509Certificate2[] revoked)
    {
        var builder = new CertificateRevocationListBuilder();
        foreach (X509Certificate2 each in revoked)
            builder.AddEntry(each, Now);
        return PemEncoding.WriteString("X509 CRL", builder.Build(authority, 1, Now.AddDays(days), HashAlgorithmName.SHA256, padding, Now));
    }

    private RevocationLists Read(params string[] lists)
    {
        string file = Path.Combine(_directory.FullName, "crl.pem");
        File.WriteAllText(file, string.Join('\n', lists));
        return RevocationLists.Read(file, [_rsa, _ecdsa]);
    }

    private string Wrong(string list) => Assert.Throws<InvalidDataException>(() => Read(list)).Message;
}
