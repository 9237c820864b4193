using System.Net;
using System.Text;
using System.Text.Json;
using Patchbay.Cni.Model;
using Patchbay.Plugins.Meta.Wrapper;

namespace Patchbay.Tests.CloudFoundry;

/// <summary>The file that the policy agent reads.</summary>
public sealed class DatastoreTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("datastore-").FullName;

    private string StoreFile => Path.Combine(_directory, "sub", "store.json");

    private Datastore Store => new(StoreFile, null);

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Entries_are_as_the_reference_writes_them_and_the_version_moves()
    {
        Store.Add("web", IPAddress.Parse("10.255.30.4"), JsonView.Parse("""{ "app_id": "a", "ports": "8080, 9090", "n": 1 }"""u8.ToArray(), "test"));
        Assert.Equal("1", File.ReadAllText($"{StoreFile}_version"));
        Store.Add("db", IPAddress.Parse("10.255.30.5"), null);
        Assert.Equal("2", File.ReadAllText($"{StoreFile}_version"));

        Assert.Equal("""{"db":{"handle":"db","ip":"10.255.30.5","metadata":{}},"web":{"handle":"web","ip":"10.255.30.4","metadata":{ "app_id": "a", "ports": "8080, 9090", "n": 1 }}}""", File.ReadAllText(StoreFile));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(StoreFile));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.GetDirectoryName(StoreFile)!));
        Assert.Equal(IPAddress.Parse("10.255.30.5"), Store.AddressOf("db"));

        Store.Delete("db");
        Store.Delete("db"); // no change, no new number
        Assert.Equal("3", File.ReadAllText($"{StoreFile}_version"));
        Assert.Equal(["web"], Store.Handles);
    }

    [Fact]
    public void What_was_there_before_comes_back()
    {
        Store.Add("web", IPAddress.Parse("10.0.0.1"), null);
        byte[]? former = Store.Add("web", IPAddress.Parse("10.0.0.2"), null);
        Store.PutBack("web", former);
        Assert.Equal(IPAddress.Parse("10.0.0.1"), Store.AddressOf("web"));
        Store.PutBack("web", null);
        Assert.Empty(Store.Handles);
    }

    [Theory]
    [InlineData("")]
    [InlineData("_version")]
    public void A_directory_in_its_place_is_an_error_that_leaves_nothing(string which)
    {
        Directory.CreateDirectory(StoreFile + which);
        if (which.Length > 0)
            File.WriteAllText(Path.Combine(StoreFile + which, "full"), "");

        Assert.ThrowsAny<IOException>(() => Store.Add("web", IPAddress.Parse("10.0.0.1"), null));

        Assert.DoesNotContain(Directory.GetFileSystemEntries(Path.GetDirectoryName(StoreFile)!), name => name.EndsWith(".new", StringComparison.Ordinal));
    }

    [Fact]
    public void Deleting_from_nothing_makes_nothing()
    {
        Store.Delete("web");
        Assert.Empty(Directory.GetFileSystemEntries(_directory));
    }

    [Theory]
    [InlineData("""{"web":{"handle":"web","ip":"10.0""")]
    [InlineData("[]")]
    [InlineData("\0\0\0\0")]
    public void A_damaged_file_is_told_and_left_alone(string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(StoreFile)!);
        File.WriteAllText(StoreFile, text);
        Assert.Contains(StoreFile, Assert.Throws<CniException>(() => Store.Add("db", IPAddress.Loopback, null)).Message, StringComparison.Ordinal);
        Assert.Equal(text, File.ReadAllText(StoreFile));
    }

    [Fact]
    public async Task Writers_wait_for_one_another_and_readers_see_whole_files()
    {
        Store.Add("first", IPAddress.Parse("10.0.0.1"), null);
        using var end = new CancellationTokenSource();
        Task<int> reader = Task.Factory.StartNew(() =>
        {
            int read = 0;
            for (; read == 0 || !end.IsCancellationRequested; read++)
            {
                using var whole = JsonDocument.Parse(File.ReadAllText(StoreFile));
            }

            return read;
        }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        Parallel.For(0, 40, n => Store.Add($"c{n}", IPAddress.Parse($"10.0.1.{n}"), null));
        await end.CancelAsync();
        Assert.True(await reader > 0);
        Assert.Equal(41, Store.Handles.Count);
        Assert.Equal("41", File.ReadAllText($"{StoreFile}_version"));
        Assert.Equal(3, Directory.GetFiles(Path.GetDirectoryName(StoreFile)!).Length); // the store, its lock, its version
    }
}
