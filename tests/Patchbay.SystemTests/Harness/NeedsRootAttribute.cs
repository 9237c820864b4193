using System.Reflection;
using Patchbay.SystemTests.Harness;
using Xunit.v3;

[assembly: NeedsRoot]

namespace Patchbay.SystemTests.Harness;

/// <summary>Before each test of this project: without root it is skipped, by name, and not failed.</summary>
[AttributeUsage(AttributeTargets.Assembly)]
public sealed class NeedsRootAttribute : BeforeAfterTestAttribute
{
    public override void Before(MethodInfo methodUnderTest, IXunitTest test) => Needs.Root();
}
