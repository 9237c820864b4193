using Patchbay.SystemTests.Policy;

[assembly: AssemblyFixture(typeof(PostgresOfTheSuite))]

namespace Patchbay.SystemTests.Policy;

/// <summary>Ends the shared PostgreSQL server with the suite.</summary>
public sealed class PostgresOfTheSuite : IDisposable
{
    public void Dispose() => PostgresServer.DisposeShared();
}
