using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Patchbay.Policy.Certificates;

/// <summary>Reads the files that both ends of mutual TLS have: one's own certificate with its key, and the CA of the other's.</summary>
internal static class PemFiles
{
    /// <exception cref="InvalidDataException">It cannot be used; the text names the file.</exception>
    internal static X509Certificate2 Pair(string certificateFile, string keyFile) => Reading(certificateFile, () =>
    {
        // By way of PKCS#12, since a key that was read from PEM is bound to this object and not to the copies that SslStream makes.
        using var pem = X509Certificate2.CreateFromPemFile(certificateFile, keyFile);
        return X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null);
    });

    /// <summary>All certificates of a file.</summary>
    /// <exception cref="InvalidDataException">It cannot be used; the text names the file.</exception>
    internal static X509Certificate2Collection All(string file) => Reading(file, () =>
    {
        var all = new X509Certificate2Collection();
        all.ImportFromPemFile(file);
        return all.Count > 0 ? all : throw new CryptographicException("it has no certificate");
    });

    /// <summary>Moves when a file is replaced.</summary>
    internal static string Stamp(IEnumerable<string> files) => string.Join(' ', files.Select(each => File.GetLastWriteTimeUtc(each).Ticks));

    internal static T Reading<T>(string file, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new InvalidDataException($"{file}: {e.Message}", e);
        }
    }
}
