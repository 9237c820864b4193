using System.Text;

namespace Patchbay.Bench.Subjects;

/// <summary>netavark, called as Podman calls it: network options on standard input. Addresses come from Podman, so it has no IPAM to do.</summary>
internal sealed class NetavarkSubject(NetworkNamespace host, string file, string configDirectory) : Subject(Peers.Netavark, "iptables", host)
{
    internal override IReadOnlyList<string> Operations => ["ADD", "DEL"];

    internal override Command Call(string operation, Attachment attachment) => new(
        file,
        ["--config", configDirectory, operation == "ADD" ? "setup" : "teardown", attachment.NetnsPath],
        [Command.SearchPath],
        Encoding.UTF8.GetBytes(Options(attachment)));

    // The network's id is 64 hexadecimal digits, from which netavark derives the names of its chains.
    private static string Options(Attachment attachment) => $$"""
        {
          "container_id": "{{attachment.ContainerId}}",
          "container_name": "{{attachment.ContainerId}}",
          "networks": {
            "bench": {
              "static_ips": ["10.88.{{(attachment.Index + 1) >> 8}}.{{(attachment.Index + 1) & 0xff}}", "fd88::{{attachment.Index + 1:x}}"],
              "interface_name": "eth0"
            }
          },
          "network_info": {
            "bench": {
              "name": "bench",
              "id": "{{new string('b', 64)}}",
              "driver": "bridge",
              "network_interface": "cni0",
              "subnets": [
                { "subnet": "10.88.0.0/16", "gateway": "10.88.0.1" },
                { "subnet": "fd88::/64", "gateway": "fd88::1" }
              ],
              "ipv6_enabled": true,
              "internal": false,
              "dns_enabled": false,
              "ipam_options": { "driver": "host-local" }
            }
          }
        }
        """;
}
