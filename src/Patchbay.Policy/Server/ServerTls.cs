using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging;
using Patchbay.Policy.Certificates;

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
    internal ServerTls(string certificateFile, string keyFile, string caFile, ILogger log, TimeProvider clock, string crlFile = "")
    {
        _files = crlFile.Length > 0 ? [certificateFile, keyFile, caFile, crlFile] : [certificateFile, keyFile, caFile];
        _log = log;
        _clock = clock;
        _current = Load();
        TellIfOutdated();
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
            // Lists of revoked certificates come from a file (below); what a stranger's certificate points to is not fetched.
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.AddRange(files.Ca);
        policy.ApplicationPolicy.Add(new Oid(ClientAuthentication));
        options.CertificateChainPolicy = policy;
        options.RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
        {
            bool isRevoked = chain is not null && files.Revoked is { } revoked && chain.ChainElements.Any(each => revoked.Has(each.Certificate));
            if (errors == SslPolicyErrors.None && !isRevoked)
                return true;
            string why = isRevoked ? "it, or a CA that it comes from, is revoked" : chain is { ChainStatus.Length: > 0 } ? string.Join(", ", chain.ChainStatus.Select(each => each.StatusInformation.TrimEnd())) : errors.ToString();
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
            TellIfOutdated();
            if (PemFiles.Stamp(_files) == _current.Stamp)
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

    // Agents that are shut out for a list that nobody renewed would leave new containers without policies: those that are known to be revoked stay so, and that is all.
    private void TellIfOutdated()
    {
        if (_current.IsOutdatedTold || _current.Revoked is not { } revoked || revoked.NextUpdate > _clock.GetUtcNow())
            return;
        _current.IsOutdatedTold = true;
        ServerLog.RevocationListOutdated(_log, _files[3], revoked.NextUpdate);
    }

    private Files Load()
    {
        string stamp = PemFiles.Stamp(_files);
        X509Certificate2 own = PemFiles.Pair(_files[0], _files[1]);
        X509Certificate2Collection chain = PemFiles.All(_files[0]);
        SslStreamCertificateContext server = PemFiles.Reading(_files[0], () => SslStreamCertificateContext.Create(own, chain, offline: true));
        X509Certificate2Collection ca = PemFiles.All(_files[2]);
        return new Files(server, ca, _files is [_, _, _, var crl] ? RevocationLists.Read(crl, ca) : null, stamp);
    }

    private sealed record Files(SslStreamCertificateContext Server, X509Certificate2Collection Ca, RevocationLists? Revoked, string Stamp)
    {
        internal bool IsOutdatedTold { get; set; }
    }
}
