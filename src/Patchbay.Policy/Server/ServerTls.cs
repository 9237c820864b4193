using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging;

namespace Patchbay.Policy.Server;

/// <summary>The server's certificate, and the CA that clients' certificates must come from. Files that are replaced are read again.</summary>
internal sealed class ServerTls
{
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2"; // id-kp-clientAuth, RFC 5280, 4.2.1.12

    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);
    private readonly Lock _loading = new();
    private readonly string[] _files;
    private readonly ILogger _log;
    private readonly TimeProvider _clock;
    private Files _current;
    private long _looked;

    /// <exception cref="InvalidDataException">A file cannot be used; the text names it.</exception>
    internal ServerTls(string certificateFile, string keyFile, string caFile, ILogger log, TimeProvider clock)
    {
        _files = [certificateFile, keyFile, caFile];
        _log = log;
        _clock = clock;
        _current = Load();
        _looked = clock.GetTimestamp();
    }

    /// <summary>For listeners whose clients need no certificate.</summary>
    internal TlsHandshakeCallbackOptions Anyone() => new() { OnConnection = _ => ValueTask.FromResult(Options(Current(), mutual: false)) };

    /// <summary>For listeners whose clients must show a certificate of the CA that is made for clients.</summary>
    internal TlsHandshakeCallbackOptions Mutual() => new()
    {
        OnConnection = _ => ValueTask.FromResult(Options(Current(), mutual: true)),
        // After a restart a thousand agents come at once: whom the ten seconds of Kestrel would turn away would only come again.
        HandshakeTimeout = TimeSpan.FromSeconds(60),
    };

    private SslServerAuthenticationOptions Options(Files files, bool mutual)
    {
        var options = new SslServerAuthenticationOptions
        {
            ServerCertificateContext = files.Server,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
            ClientCertificateRequired = mutual,
        };
        if (!mutual)
            return options;
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            // No list of revoked certificates is configured; and what a stranger's certificate points to is not fetched.
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.AddRange(files.Ca);
        policy.ApplicationPolicy.Add(new Oid(ClientAuthentication));
        options.CertificateChainPolicy = policy;
        options.RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
        {
            if (errors == SslPolicyErrors.None)
                return true;
            string why = chain is { ChainStatus.Length: > 0 } ? string.Join(", ", chain.ChainStatus.Select(each => each.StatusInformation.TrimEnd())) : errors.ToString();
            ServerLog.CertificateRefused(_log, certificate?.Subject ?? "none", why);
            return false;
        };
        return options;
    }

    private Files Current()
    {
        lock (_loading)
        {
            if (_clock.GetElapsedTime(_looked) < LookInterval)
                return _current;
            _looked = _clock.GetTimestamp();
            if (Stamp() == _current.Stamp)
                return _current;
            try
            {
                _current = Load();
                ServerLog.CertificatesReloaded(_log, string.Join(", ", _files));
            }
            catch (InvalidDataException e)
            {
                // Most likely half of them are written; the next look finds all of them.
                ServerLog.CertificatesNotReloaded(_log, e.Message);
            }

            return _current;
        }
    }

    private Files Load()
    {
        string stamp = Stamp();
        string at = _files[0];
        try
        {
            // By way of PKCS#12, since a key that was read from PEM is bound to this object and not to the copies that SslStream makes.
            using var pem = X509Certificate2.CreateFromPemFile(_files[0], _files[1]);
            var chain = new X509Certificate2Collection();
            chain.ImportFromPemFile(_files[0]);
            var server = SslStreamCertificateContext.Create(X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), null), chain, offline: true);
            at = _files[2];
            var ca = new X509Certificate2Collection();
            ca.ImportFromPemFile(at);
            return ca.Count > 0 ? new Files(server, ca, stamp) : throw new CryptographicException("it has no certificate");
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new InvalidDataException($"{at}: {e.Message}", e);
        }
    }

    private string Stamp() => string.Join(' ', _files.Select(each => File.GetLastWriteTimeUtc(each).Ticks));

    private sealed record Files(SslStreamCertificateContext Server, X509Certificate2Collection Ca, string Stamp);
}
