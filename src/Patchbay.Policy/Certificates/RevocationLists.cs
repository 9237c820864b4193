using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Patchbay.Policy.Certificates;

/// <summary>Lists of revoked certificates (RFC 5280, section 5) of the CAs whose certificates are taken.</summary>
/// <remarks>.NET itself asks only for lists that certificates name, over the network, and takes none from a file.</remarks>
internal sealed class RevocationLists
{
    private static readonly Asn1Tag Extensions = new(TagClass.ContextSpecific, 0);
    private readonly HashSet<(string Issuer, string Serial)> _revoked = [];

    /// <summary>When the first of them should have been replaced by a newer one.</summary>
    internal DateTimeOffset NextUpdate { get; private set; } = DateTimeOffset.MaxValue;

    /// <summary>How many certificates are revoked.</summary>
    internal int Count => _revoked.Count;

    /// <param name="file">PEM, one list or several.</param>
    /// <param name="authorities">The CAs, one of which must have signed each list.</param>
    /// <exception cref="InvalidDataException">A list cannot be used; the text names the file.</exception>
    internal static RevocationLists Read(string file, X509Certificate2Collection authorities) => PemFiles.Reading(file, () =>
    {
        var lists = new RevocationLists();
        ReadOnlySpan<char> text = File.ReadAllText(file);
        bool any = false;
        while (PemEncoding.TryFind(text, out PemFields fields))
        {
            if (text[fields.Label] is not "X509 CRL")
                throw new CryptographicException($"it has a \"{text[fields.Label]}\" where there should be lists of revoked certificates alone (X509 CRL)");
            var encoded = new byte[fields.DecodedDataLength];
            Convert.TryFromBase64Chars(text[fields.Base64Data], encoded, out _);
            try
            {
                lists.Add(encoded, authorities);
            }
            catch (AsnContentException e)
            {
                throw new CryptographicException($"a list in it is damaged: {e.Message}", e);
            }

            text = text[fields.Location.End..];
            any = true;
        }

        return any ? lists : throw new CryptographicException("it has no list of revoked certificates (X509 CRL)");
    });

    internal bool Has(X509Certificate2 certificate) => _revoked.Contains((Convert.ToHexString(certificate.IssuerName.RawData), Serial(certificate.SerialNumberBytes.Span)));

    // CertificateList ::= SEQUENCE { tbsCertList, signatureAlgorithm, signatureValue }
    private void Add(ReadOnlyMemory<byte> encoded, X509Certificate2Collection authorities)
    {
        AsnReader list = new AsnReader(encoded, AsnEncodingRules.DER).ReadSequence();
        ReadOnlyMemory<byte> signed = list.PeekEncodedValue();
        AsnReader content = list.ReadSequence();
        string algorithm = list.ReadSequence().ReadObjectIdentifier();
        byte[] signature = list.ReadBitString(out _);

        if (content.PeekTag().HasSameClassAndValue(Asn1Tag.Integer))
            content.ReadInteger(); // version
        content.ReadSequence(); // the signature's algorithm again
        string issuer = Convert.ToHexString(content.ReadEncodedValue().Span);
        X509Certificate2 authority = authorities.FirstOrDefault(each => Convert.ToHexString(each.SubjectName.RawData) == issuer && Signed(each, signed.Span, signature, algorithm))
            ?? throw new CryptographicException("none of the CAs has signed a list in it");
        ReadTime(content); // thisUpdate
        if (content.HasData && IsTime(content.PeekTag()) && ReadTime(content) is var next && next < NextUpdate)
            NextUpdate = next;
        if (content.HasData && content.PeekTag().HasSameClassAndValue(Asn1Tag.Sequence))
        {
            for (AsnReader entries = content.ReadSequence(); entries.HasData;)
                _revoked.Add((issuer, Serial(entries.ReadSequence().ReadIntegerBytes().Span)));
        }

        if (content.HasData)
            RefuseParts(content.ReadSequence(Extensions).ReadSequence(), authority);
    }

    // A list of only some certificates, or of changes to another list, says so by an extension that who does not know it must not pass over (5.2).
    private static void RefuseParts(AsnReader extensions, X509Certificate2 authority)
    {
        while (extensions.HasData)
        {
            AsnReader extension = extensions.ReadSequence();
            string name = extension.ReadObjectIdentifier();
            if (extension.PeekTag().HasSameClassAndValue(Asn1Tag.Boolean) && extension.ReadBoolean())
                throw new CryptographicException($"the list of {authority.Subject} has the critical extension {name}: only whole lists are understood");
        }
    }

    private static bool Signed(X509Certificate2 authority, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature, string algorithm)
    {
        // RFC 8017, A.2.4; RFC 5758, 3.2
        HashAlgorithmName hash = algorithm switch
        {
            "1.2.840.113549.1.1.11" or "1.2.840.10045.4.3.2" => HashAlgorithmName.SHA256,
            "1.2.840.113549.1.1.12" or "1.2.840.10045.4.3.3" => HashAlgorithmName.SHA384,
            "1.2.840.113549.1.1.13" or "1.2.840.10045.4.3.4" => HashAlgorithmName.SHA512,
            _ => throw new CryptographicException($"a list in it is signed by the algorithm {algorithm}; RSA and ECDSA with SHA-256, SHA-384 and SHA-512 are understood"),
        };
        using RSA? rsa = authority.GetRSAPublicKey();
        if (rsa is not null)
            return rsa.VerifyData(data, signature, hash, RSASignaturePadding.Pkcs1);
        using ECDsa? ecdsa = authority.GetECDsaPublicKey();
        return ecdsa is not null && ecdsa.VerifyData(data, signature, hash, DSASignatureFormat.Rfc3279DerSequence);
    }

    private static string Serial(ReadOnlySpan<byte> number) => Convert.ToHexString(number.TrimStart((byte)0));

    private static bool IsTime(Asn1Tag tag) => tag.HasSameClassAndValue(Asn1Tag.UtcTime) || tag.HasSameClassAndValue(Asn1Tag.GeneralizedTime);

    private static DateTimeOffset ReadTime(AsnReader from) => from.PeekTag().HasSameClassAndValue(Asn1Tag.UtcTime) ? from.ReadUtcTime() : from.ReadGeneralizedTime();
}
