namespace Patchbay.Plugins;

internal static class Program
{
    private static int Main() => 1;
}
