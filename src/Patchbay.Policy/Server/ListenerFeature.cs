using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Patchbay.Policy.Daemon;

namespace Patchbay.Policy.Server;

/// <summary>Marks every connection of a listener.</summary>
internal sealed record ListenerFeature(Listener Listener)
{
    /// <summary>Has Kestrel listen.</summary>
    /// <param name="kestrel">Its options.</param>
    /// <param name="host">An address of this host.</param>
    /// <param name="key">The configuration's key for it.</param>
    /// <param name="port">The port.</param>
    /// <param name="listener">What connections are marked with.</param>
    /// <param name="configure">What else, such as TLS.</param>
    /// <exception cref="InvalidDataException">The host is no address.</exception>
    internal static void Bind(KestrelServerOptions kestrel, string host, string key, int port, Listener listener, Action<ListenOptions> configure)
    {
        kestrel.Listen(ConfigurationFile.Address(host, key), port, options =>
        {
            var feature = new ListenerFeature(listener);
            options.Use(next => connection =>
            {
                connection.Features.Set(feature);
                return next(connection);
            });
            configure(options);
        });
    }
}
