using System.Globalization;
using Patchbay.Cni.Model;

namespace Patchbay.Cni.Plugin;

/// <summary>Another plugin, run on behalf of the request at hand: an IPAM plugin, or the main plugin behind a wrapper.</summary>
/// <remarks>
/// It gets our environment with CNI_COMMAND replaced, and our configuration. A delegate that is one of this executable's plugins
/// and that CNI_PATH resolves to this very file is called as a method; any other is executed.
/// </remarks>
public sealed class PluginDelegate
{
    /// <summary>The variable that limits how long a delegate may run, in seconds; no limit without it.</summary>
    public const string TimeoutVariable = "PATCHBAY_DELEGATE_TIMEOUT";

    /// <summary>The variable that tells a delegate how many plugins are above it.</summary>
    internal const string DepthVariable = "PATCHBAY_DELEGATE_DEPTH";

    // A meta plugin, a main plugin and an IPAM plugin are three. A configuration that names itself would go on until memory ends.
    private const int MaxDepth = 8;

    private readonly PluginRequest _request;
    private readonly string _type;
    private string? _path;

    internal PluginDelegate(PluginRequest request, string type)
    {
        _request = request;
        _type = type;
    }

    /// <summary>ADD. When it fails, a delegate that is executed gets a DEL before the error is thrown, since it may have done half.</summary>
    /// <remarks>
    /// One of this executable's plugins has undone what it did, and gets none: a second ADD of an attachment that lives fails because of it, and a DEL would
    /// end it (docs/decisions/0008-failed-delegate.md).
    /// </remarks>
    /// <returns>The result in the newest terms.</returns>
    /// <exception cref="CniException">The delegate's error, or why it could not be run.</exception>
    public CniResult Add()
    {
        Resolve(); // what is not there needs no DEL
        if (OwnPlugin() is not null)
            return Run(CniCommand.Add)!;
        try
        {
            return Run(CniCommand.Add)!;
        }
        catch (Exception)
        {
            Release();
            throw;
        }
    }

    /// <summary>ADD, then the work that needs its result; when that fails the delegate gets a DEL before the error is thrown.</summary>
    /// <typeparam name="T">What the work makes.</typeparam>
    /// <param name="work">What to do with the result.</param>
    /// <returns>What the work returned.</returns>
    public T AddThen<T>(Func<CniResult, T> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        CniResult result = Add();
        try
        {
            return work(result);
        }
        catch (Exception)
        {
            Release();
            throw;
        }
    }

    /// <summary>DEL.</summary>
    public void Delete() => Run(CniCommand.Delete);

    /// <summary>CHECK.</summary>
    public void Check() => Run(CniCommand.Check);

    /// <summary>GC.</summary>
    public void GarbageCollect() => Run(CniCommand.GarbageCollect);

    /// <summary>STATUS.</summary>
    /// <exception cref="CniException">The delegate's error; code 50 when there is no delegate in CNI_PATH.</exception>
    public void Status()
    {
        try
        {
            Resolve();
        }
        catch (CniException error) when (error.Code == CniError.Internal)
        {
            throw new CniException(CniError.PluginNotAvailable, error.Message, error.Details, error);
        }

        Run(CniCommand.Status);
    }

    // The plugin of this executable, if that is what CNI_PATH leads to.
    private CniPlugin? OwnPlugin()
    {
        PluginEnvironment environment = _request.Environment;
        return environment.Identify(Resolve()) is { } file && file == environment.Identify("/proc/self/exe") ? environment.BuiltIn(_type) : null;
    }

    private string Resolve() => _path ??= PluginFinder.Find(_type, _request.SearchPath, _request.Environment.Identify);

    private void Release()
    {
        try
        {
            Delete();
        }
        catch (Exception error)
        {
            // The first error is the one to throw; this one must not be lost either.
            PluginHost.Note(_request.Environment, $"plugin \"{_type}\" failed to undo its ADD: {CniException.From(error).Text}");
        }
    }

    private CniResult? Run(CniCommand command)
    {
        int depth = (_request.Depth ?? DepthOf(_request.Environment)) + 1;
        if (depth > MaxDepth)
            throw new CniException(CniError.InvalidNetworkConfig, $"more than {MaxDepth} plugins delegate to each other: does \"{_type}\" name itself as its \"ipam\" or delegate?");
        PluginRequest request = _request with { Command = command, Depth = depth };
        if (OwnPlugin() is { } plugin)
            return PluginHost.Execute(plugin, request);

        PluginEnvironment environment = _request.Environment;
        PluginProcess process = new(_type, Resolve(), Limit(environment), TimeoutVariable);
        ReadOnlyMemory<byte> output = process.Run(Variables(request), request.Config.Json, environment.Error);
        return command == CniCommand.Add ? process.ReadResult(output, request.Config.Version) : null;
    }

    private static Dictionary<string, string> Variables(PluginRequest request)
    {
        Dictionary<string, string> variables = new(StringComparer.Ordinal);
        foreach ((string name, string value) in request.Environment.Variables())
            variables[name] = value;
        variables["CNI_COMMAND"] = request.Command.ToText();
        Set("CNI_CONTAINERID", request.ContainerId);
        Set("CNI_NETNS", request.NetnsPath);
        Set("CNI_IFNAME", request.IfName);
        Set("CNI_ARGS", request.Args);
        Set("CNI_PATH", request.Path);
        variables[DepthVariable] = request.Depth!.Value.ToString(CultureInfo.InvariantCulture);
        return variables;

        void Set(string name, string value)
        {
            if (value.Length > 0 || variables.ContainsKey(name))
                variables[name] = value;
        }
    }

    private static int DepthOf(PluginEnvironment environment) =>
        int.TryParse(environment.Variable(DepthVariable), NumberStyles.None, CultureInfo.InvariantCulture, out int depth) ? depth : 0;

    private static TimeSpan? Limit(PluginEnvironment environment)
    {
        string? text = environment.Variable(TimeoutVariable);
        if (string.IsNullOrEmpty(text))
            return null;
        return double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds) && seconds is > 0 and <= 86400
            ? TimeSpan.FromSeconds(seconds)
            : throw new CniException(CniError.InvalidEnvironment, $"{TimeoutVariable} must be a number of seconds above 0 and up to 86400, not \"{text}\"");
    }
}
