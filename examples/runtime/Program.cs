using Patchbay.Cni.Model;
using Patchbay.Cni.Runtime;

[assembly: System.Runtime.Versioning.SupportedOSPlatform("linux")] // as the library is

var runtime = new CniRuntime { PluginPath = ["/opt/cni/bin"] };
NetworkList network = NetworkDirectory.Load("/etc/cni/net.d", "mynet");
var eth0 = new Attachment { ContainerId = "web-1", NetnsPath = args[0], IfName = "eth0" }; // such as /run/netns/web-1
try
{
    CniResult result = await runtime.AddAsync(network, eth0);
    Console.WriteLine($"web-1 has {result.Ips[0].Address}"); // web-1 has 10.22.0.2/16
}
catch (CniException error)
{
    Console.Error.WriteLine($"error {error.Code}: {error.Message}");
    await runtime.DeleteAsync(network, eth0); // what the chain had done before it failed
}
