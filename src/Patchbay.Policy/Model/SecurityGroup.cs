namespace Patchbay.Policy.Model;

/// <summary>An application security group of the Cloud Controller: what containers of some spaces may reach outside.</summary>
/// <param name="Guid">Its GUID.</param>
/// <param name="Name">Its name.</param>
/// <param name="Rules">Its rules, JSON text that is handed on as it is.</param>
/// <param name="StagingDefault">Whether it holds for staging in every space.</param>
/// <param name="RunningDefault">Whether it holds for running apps in every space.</param>
/// <param name="StagingSpaces">The spaces whose staging it holds for.</param>
/// <param name="RunningSpaces">The spaces whose running apps it holds for.</param>
internal sealed record SecurityGroup(
    string Guid, string Name, string Rules, bool StagingDefault, bool RunningDefault, IReadOnlyList<string> StagingSpaces, IReadOnlyList<string> RunningSpaces)
{
    internal bool IsGlobal => StagingDefault || RunningDefault;
}
