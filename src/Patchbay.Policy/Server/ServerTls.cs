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
    private readonly string _certificateFile, _keyFile, _caFile, _crlFile;
    private readonly string[] _files;
    private readonly ILogger _log;
    private readonly TimeProvider _clock;
    private Files _current;
    private long _looked;

    /// <exception cref="InvalidDataException">A file cannot be used; the text names it.</exception>
    /// <param name="certificateFile">The server's certificate.</param>
    /// <param name="keyFile">Its key.</param>
    /// <param name="caFile">The CA of clients.</param>
    /// <param name="crlFile">Lists of its revoked certificates; empty for none.</param>
    /// <param name="log">Is told of what is refused.</param>
    /// <param name="clock">The time.</param>
    internal ServerTls(string certificateFile, string keyFile, string caFile, string crlFile, ILogger log, TimeProvider clock)
    {
        (_certificateFile, _keyFile, _caFile, _crlFile) = (certificateFile, keyFile, caFile, crlFile);
        _files = [certificateFile, keyFile, caFile, .. crlFile.Length > 0 ? (string[])[crlFile] : []];
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
        ServerLog.RevocationListOutdated(_log, _crlFile, revoked.NextUpdate);
    }

    private Files Load()
    {
        string stamp = PemFiles.Stamp(_files);
        string file = _certificateFile;
        X509Certificate2 own = PemFiles.Pair(file, _keyFile);
        X509Certificate2Collection chain = PemFiles.All(file);
        SslStreamCertificateContext server = PemFiles.Reading(file, () => SslStreamCertificateContext.Create(own, chain, offline: true));
        X509Certificate2Collection ca = PemFiles.All(_caFile);
        return new Files(server, ca, _crlFile.Length > 0 ? RevocationLists.Read(_crlFile, ca) : null, stamp);
    }

    private sealed record Files(SslStreamCertificateContext Server, X509Certificate2Collection Ca, RevocationLists? Revoked, string Stamp)
    {
        internal bool IsOutdatedTold { get; set; }
    }
}
