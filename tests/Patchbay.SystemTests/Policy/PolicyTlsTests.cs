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
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        void Until(string log)
        {
            while (!server.Log.Contains(log, StringComparison.Ordinal))
            {
                Assert.True(System.Diagnostics.Stopwatch.GetElapsedTime(start) < Command.DefaultLimit, $"not logged: {log}");
                host.TryCurl("--cert", $"{host.Certs}/client.crt", "--key", $"{host.Certs}/client.key", Url);
            }
        }

        Until("the old ones stay in use");
        foreach (string file in (string[])["server.crt", "server.key"])
            File.Delete($"{host.Certs}/{file}");
        host.Host.Run(PolicyHost.Executable, "policy", "certs", host.Certs, "--name", "renewed", "--name", "127.0.0.1").Check();
        Until("certificates read again");

        Assert.Contains("renewed", host.Host.Run(
            ["openssl", "s_client", "-connect", "127.0.0.1:4003", "-cert", $"{host.Certs}/client.crt", "-key", $"{host.Certs}/client.key"], "").StandardOutput, StringComparison.Ordinal);
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
}
