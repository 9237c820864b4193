using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Policy;

/// <summary>Who may speak to the internal API, and how.</summary>
public class PolicyTlsTests
{
    private const string Url = "https://127.0.0.1:4003/networking/v1/internal/policies";

    [Fact]
    public void Only_a_certificate_of_the_configured_authority_that_is_good_now_and_made_for_clients_is_let_in()
    {
        using PolicyHost host = PolicyHost.Create();
        PolicyServerProcess server = host.Start();
        string other = Path.Combine(host.Host.Directory, "other");
        host.Host.Run(PolicyHost.Executable, "policy", "certs", other).Check();
        string expired = Signed(host, "expired", "clientAuth", "-1");
        string everything = Signed(host, "everything", null, "1");

        Assert.Contains("200", host.TryCurl("--cert", $"{host.Certs}/client.crt", "--key", $"{host.Certs}/client.key", Url).Check().StandardOutput, StringComparison.Ordinal);
        // One that names no purpose is for every purpose (RFC 5280, 4.2.1.12).
        host.TryCurl("--cert", $"{everything}.crt", "--key", $"{everything}.key", Url).Check();
        string[][] refused =
        [
            [],
            ["--cert", $"{other}/client.crt", "--key", $"{other}/client.key"],
            ["--cert", $"{host.Certs}/server.crt", "--key", $"{host.Certs}/server.key"],
            ["--cert", $"{expired}.crt", "--key", $"{expired}.key"],
        ];
        foreach (string[] certificate in refused)
        {
            foreach (string tls in (string[])["1.2", "1.3"])
            {
                CommandResult result = host.TryCurl([.. certificate, "--tls-max", tls, Url]);
                Assert.True(result.ExitCode != 0, $"{string.Join(' ', certificate)}: {result}");
                Assert.DoesNotContain("policies", result.StandardOutput, StringComparison.Ordinal);
            }
        }

        server.WaitForLog("client certificate refused: CN=policy agent");
        server.WaitForLog($"client certificate refused: CN=policy-server.service.cf.internal");
        server.WaitForLog("client certificate refused: CN=expired");
    }

    [Fact]
    public void Tls_is_1_2_or_1_3_with_the_suite_of_the_first_agents_among_them()
    {
        using PolicyHost host = PolicyHost.Create();
        host.Start();
        CommandResult Handshake(params string[] options) => host.Host.Run(
            ["openssl", "s_client", "-connect", "127.0.0.1:4003", "-CAfile", $"{host.Certs}/ca.crt", "-cert", $"{host.Certs}/client.crt", "-key", $"{host.Certs}/client.key", "-brief", .. options], "");

        Assert.Contains("TLSv1.3", Handshake().Check().StandardError, StringComparison.Ordinal);
        Assert.Contains("ECDHE-RSA-AES128-GCM-SHA256", Handshake("-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256").Check().StandardError, StringComparison.Ordinal);
        foreach (string old in (string[])["-tls1_1", "-tls1"])
        {
            // At its usual level of security the client itself would not try.
            CommandResult result = Handshake(old, "-cipher", "ALL:@SECLEVEL=0");
            Assert.NotEqual(0, result.ExitCode);
            Assert.Contains("alert", result.StandardError, StringComparison.Ordinal);
        }

        Assert.NotEqual(0, host.TryCurl("http://127.0.0.1:4003/networking/v1/internal/policies").ExitCode);
    }

    [Fact]
    public void Certificates_that_are_replaced_are_used_from_then_on()
    {
        using PolicyHost host = PolicyHost.Create();
        PolicyServerProcess server = host.Start();
        host.Internal("GET", "v1/internal/policies").Is(200);
        File.WriteAllText($"{host.Certs}/server.crt", "half of it");
        Until(host, server, "the old ones stay in use");
        foreach (string file in (string[])["server.crt", "server.key"])
            File.Delete($"{host.Certs}/{file}");
        host.Host.Run(PolicyHost.Executable, "policy", "certs", host.Certs, "--name", "renewed", "--name", "127.0.0.1").Check();
        Until(host, server, "certificates read again");

        Assert.Contains("renewed", host.Host.Run(
            ["openssl", "s_client", "-connect", "127.0.0.1:4003", "-cert", $"{host.Certs}/client.crt", "-key", $"{host.Certs}/client.key"], "").StandardOutput, StringComparison.Ordinal);
    }

    [Fact]
    public void A_revoked_certificate_is_let_in_no_more_and_others_are()
    {
        using PolicyHost host = PolicyHost.Create();
        string revoked = Signed(host, "revoked", "clientAuth", "1"), list = RevocationList(host, "30");
        host.Configuration["ca_crl_file"] = list;
        PolicyServerProcess server = host.Start();
        string[] certificate = ["--cert", $"{revoked}.crt", "--key", $"{revoked}.key", Url];
        host.TryCurl(certificate).Check();

        RevocationList(host, "30", $"{revoked}.crt");
        Until(host, server, "certificates read again");
        Assert.NotEqual(0, host.TryCurl(certificate).ExitCode);
        server.WaitForLog("client certificate refused: CN=revoked: it, or a CA that it comes from, is revoked");
        host.Internal("GET", "v1/internal/policies").Is(200);

        // A list that nobody renewed counts, and is told of; one that the CA has not signed is not taken.
        RevocationList(host, "0", $"{revoked}.crt");
        Until(host, server, "should have been replaced at");
        Assert.NotEqual(0, host.TryCurl(certificate).ExitCode);
        host.Internal("GET", "v1/internal/policies").Is(200);
        string text = File.ReadAllText(list);
        File.WriteAllText(list, text.Replace(text.Split('\n')[^4], new string('A', 64), StringComparison.Ordinal));
        Until(host, server, "the old ones stay in use");
        Assert.NotEqual(0, host.TryCurl(certificate).ExitCode);
        Assert.Equal(0, server.Stop());
        Assert.Contains(list, host.Host.Run(PolicyHost.Executable, "policy", "server", "--config", host.ConfigurationFile()).StandardError, StringComparison.Ordinal);
    }

    private static string Signed(PolicyHost host, string name, string? purpose, string days)
    {
        string path = Path.Combine(host.Host.Directory, name);
        host.Host.Run("openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", $"/CN={name}", "-keyout", $"{path}.key", "-out", $"{path}.csr").Check();
        File.WriteAllText($"{path}.ext", purpose is null ? "" : $"extendedKeyUsage={purpose}\n");
        host.Host.Run(
            "openssl", "x509", "-req", "-in", $"{path}.csr", "-CA", $"{host.Certs}/ca.crt", "-CAkey", $"{host.Certs}/ca.key", "-CAcreateserial",
            "-days", days, "-extfile", $"{path}.ext", "-out", $"{path}.crt").Check();
        return path;
    }

    // Asks until the server, which looks at its files with new connections, has logged this.
    private static void Until(PolicyHost host, PolicyServerProcess server, string log)
    {
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        while (!server.Log.Contains(log, StringComparison.Ordinal))
        {
            Assert.True(System.Diagnostics.Stopwatch.GetElapsedTime(start) < Command.DefaultLimit, $"not logged: {log}");
            host.TryCurl("--cert", $"{host.Certs}/client.crt", "--key", $"{host.Certs}/client.key", Url);
        }
    }

    // The CA's list of revoked certificates, by openssl.
    private static string RevocationList(PolicyHost host, string days, params string[] certificates)
    {
        string directory = host.Host.Directory, list = Path.Combine(directory, "crl.pem");
        File.WriteAllText(Path.Combine(directory, "index.txt"), "");
        File.WriteAllText(Path.Combine(directory, "ca.conf"), $"[ca]\ndefault_ca=d\n[d]\ndatabase={directory}/index.txt\ndefault_md=sha256\n");
        string[] ca = ["openssl", "ca", "-config", $"{directory}/ca.conf", "-cert", $"{host.Certs}/ca.crt", "-keyfile", $"{host.Certs}/ca.key"];
        foreach (string certificate in certificates)
            host.Host.Run([.. ca, "-revoke", certificate]).Check();
        host.Host.Run([.. ca, "-gencrl", .. days == "0" ? (string[])["-crlsec", "1"] : ["-crldays", days], "-out", $"{list}.new"]).Check();
        File.Move($"{list}.new", list, overwrite: true);
        return list;
    }
}
