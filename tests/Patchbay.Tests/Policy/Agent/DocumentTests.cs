using System.Text;
using System.Text.Json;
using Patchbay.Policy.Agent.Containers;
using Patchbay.Policy.Agent.Plan;
using Patchbay.Policy.Agent.Upstream;

namespace Patchbay.Tests.Policy.Agent;

/// <summary>What comes from outside: good and bad.</summary>
public class DocumentTests
{
    [Fact]
    public void A_datastore_of_the_reference_is_read()
    {
        var problems = new List<string>();
        List<LocalContainer> containers = ContainerDocument.Parse(
            """{"h2":{"handle":"h2","ip":"10.255.30.4","metadata":{"policy_group_id":"app","space_id":"space","container_workload":"staging","ports":"8080, 9090,x,0,8080"}},"h1":{"handle":"h1","ip":"10.255.30.5","metadata":null}}"""u8.ToArray(),
            problems);

        Assert.Equal(["h1", "h2"], containers.Select(each => each.Handle));
        LocalContainer second = containers[1];
        Assert.Equal(("app", "space", true), (second.App, second.Space, second.IsStaging));
        Assert.Equal([8080, 9090], second.Ports);
        Assert.Empty(problems);
    }

    [Theory]
    [InlineData("""{"h":{"ip":"10.0.0.1"},"h":{"ip":"10.0.0.2"}}""", "h 10.0.0.2", "twice")]
    [InlineData("""{"h":{"ip":"10.0.0.1"},"i":{"ip":"fd00::1"}}""", "h 10.0.0.1", "no IPv4 address")]
    [InlineData("""{"h":{"ip":"10.0.0.1"},"i":{"ip":"10"}}""", "h 10.0.0.1", "no IPv4 address")]
    [InlineData("""{"h":{"ip":"10.0.0.1"},"i":{}}""", "h 10.0.0.1", "no \"ip\"")]
    [InlineData("""{"h":{"ip":"10.0.0.1"},"i":7}""", "h 10.0.0.1", "no \"ip\"")]
    [InlineData("""{"h":{"ip":"10.0.0.1"},"i\" accept":{"ip":"10.0.0.2"}}""", "h 10.0.0.1", "characters")]
    [InlineData("""{"h":{"ip":"10.0.0.1"},"":{"ip":"10.0.0.2"}}""", "h 10.0.0.1", "characters")]
    public void Entries_that_make_no_sense_are_told_and_left_out(string text, string containers, string problem)
    {
        var problems = new List<string>();
        Assert.Equal(containers, string.Join(", ", ContainerDocument.Parse(Encoding.UTF8.GetBytes(text), problems).Select(each => $"{each.Handle} {each.Address}")));
        Assert.Contains(problem, Assert.Single(problems), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("""{"h":{"handle":"h","ip":"10.""")]
    [InlineData("[]")]
    [InlineData("null")]
    public void Half_a_datastore_is_none(string text) => Assert.ThrowsAny<JsonException>(() => ContainerDocument.Parse(Encoding.UTF8.GetBytes(text), []));

    [Theory]
    [InlineData("{\"\\ud800\":{\"ip\":\"10.0.0.1\"}}")]
    [InlineData("{\"h\":{\"ip\":\"\\ud800\"}}")]
    [InlineData("{\"h\":{")]
    public async Task A_damaged_datastore_is_named_and_that_of_before_counts(string text)
    {
        DirectoryInfo directory = Directory.CreateTempSubdirectory("pb-store-");
        try
        {
            string path = Path.Combine(directory.FullName, "store.json");
            var datastore = new Datastore(path);
            Assert.Contains("is not there", (await Assert.ThrowsAsync<InvalidDataException>(() => datastore.RefreshAsync(TestContext.Current.CancellationToken))).Message, StringComparison.Ordinal);
            Assert.Null(datastore.Containers);
            File.WriteAllText(path, "{\"h\":{\"ip\":\"10.0.0.1\"}}");
            Assert.True(await datastore.RefreshAsync(TestContext.Current.CancellationToken));
            Assert.False(await datastore.RefreshAsync(TestContext.Current.CancellationToken));

            File.WriteAllText(path, text);
            string told = (await Assert.ThrowsAsync<InvalidDataException>(() => datastore.RefreshAsync(TestContext.Current.CancellationToken))).Message;
            Assert.StartsWith($"{path}: it is half-written or damaged: ", told, StringComparison.Ordinal);
            Assert.Equal("h", Assert.Single(datastore.Containers!).Handle);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Fact]
    public void An_app_that_is_no_id_has_no_policies() =>
        Assert.Equal("", Assert.Single(ContainerDocument.Parse("""{"h":{"ip":"10.0.0.1","metadata":{"policy_group_id":"a b"}}}"""u8.ToArray(), [])).App);

    [Theory]
    [InlineData("""{"source":{"id":"a","tag":"000A"},"destination":{"id":"b","protocol":"tcp","ports":{"start":80,"end":90},"tag":"0002"}}""", "a 10 b 6 80-90")]
    [InlineData("""{"source":{"id":"a","tag":"FF"},"destination":{"id":"b","protocol":"udp","port":53,"tag":"02"}}""", "a 255 b 17 53-53")]
    public void Policies_of_both_versions_are_read(string policy, string expected)
    {
        AppPolicy read = Assert.Single(PolicyDocument.Parse(Encoding.UTF8.GetBytes($"{{\"policies\":[{policy}]}}"), []));
        Assert.Equal(expected, $"{read.Source} {read.Tag} {read.Destination} {read.Protocol} {read.FirstPort}-{read.LastPort}");
    }

    [Theory]
    [InlineData("a", "010000", "tcp", 80, 80, "16 bits")]
    [InlineData("a", "0000", "tcp", 80, 80, "16 bits")]
    [InlineData("a", "-1", "tcp", 80, 80, "16 bits")]
    [InlineData("a", "0001", "sctp", 80, 80, "neither tcp nor udp")]
    [InlineData("a", "0001", "tcp", 90, 80, "ports are 90 to 80")]
    [InlineData("a", "0001", "tcp", 0, 80, "ports are 0 to 80")]
    [InlineData("a", "0001", "tcp", 1, 65536, "ports are 1 to 65536")]
    [InlineData("", "0001", "tcp", 80, 80, "names no source")]
    [InlineData("a b", "0001", "tcp", 80, 80, "names no source")]
    public void Policies_that_make_no_sense_permit_nothing_and_harm_no_others(string source, string tag, string protocol, int start, int end, string problem)
    {
        var problems = new List<string>();
        string text = $$"""{"policies":[{"source":{"id":"{{source}}","tag":"{{tag}}"},"destination":{"id":"b","protocol":"{{protocol}}","ports":{"start":{{start}},"end":{{end}} } } },{"source":{"id":"c","tag":"1"},"destination":{"id":"b","protocol":"tcp","port":1} }]}""";
        Assert.Equal("c", Assert.Single(PolicyDocument.Parse(Encoding.UTF8.GetBytes(text), problems)).Source);
        Assert.Contains(problem, Assert.Single(problems), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("""{"policies":null}""")]
    [InlineData("""{"policies":[""")]
    [InlineData("""{"policies":{}}""")]
    [InlineData("""{"policies":[]} more""")]
    [InlineData("""{"policies":[{"source":{"id":"a""")]
    public void An_answer_without_a_list_is_no_answer(string text) => Assert.ThrowsAny<JsonException>(() => PolicyDocument.Parse(Encoding.UTF8.GetBytes(text), []));

    [Fact]
    public void Keys_that_are_not_known_do_no_harm_and_of_two_the_last_counts()
    {
        const string Text = """
            { "more": [1, {"policies": []}], "policies": [
              { "x": {"id": "z"}, "source": {"id": "a", "tag": "1", "y": [[]]}, "destination": {"id": "q", "id": "b", "protocol": "tcp", "ports": {"start": 1, "z": {}, "end": 2}, "tag": null} },
              [], 7, { "source": 1, "destination": [] } ] }
            """;
        var problems = new List<string>();
        Assert.Equal(new AppPolicy("a", 1, "b", AppPolicy.Tcp, 1, 2), Assert.Single(PolicyDocument.Parse(Encoding.UTF8.GetBytes(Text), problems)));
        Assert.Equal(3, problems.Count);
        Assert.Contains("{ \"source\": 1, \"destination\": [] }", problems[2], StringComparison.Ordinal);
    }

    [Fact]
    public void Changes_are_read()
    {
        const string Policy = """{"source":{"id":"a","tag":"1"},"destination":{"id":"b","protocol":"tcp","ports":{"start":1,"end":2}}}""";
        PolicyChanges read = PolicyDocument.ParseChanges(Encoding.UTF8.GetBytes($$"""{"last_updated":17,"added":[{{Policy}}],"removed":[]}"""), []);
        Assert.Equal((17, 1, 0), (read.LastUpdated, read.Added.Count, read.Removed.Count));
        Assert.Throws<JsonException>(() => PolicyDocument.ParseChanges("""{"last_updated":17,"added":[]}"""u8, []));
        Assert.Throws<JsonException>(() => PolicyDocument.ParseChanges("""{"last_updated":"17","added":[],"removed":[]}"""u8, []));
    }

    [Theory]
    [InlineData("""{"protocol":"tcp","destination":"10.0.0.0/8","ports":"80,443-445","log":true}""", "10.0.0.0-10.255.255.255 tcp 80-80 log; 10.0.0.0-10.255.255.255 tcp 443-445 log")]
    [InlineData("""{"protocol":"udp","destination":"10.0.0.1-10.0.0.9","ports":"53"}""", "10.0.0.1-10.0.0.9 udp 53-53")]
    [InlineData("""{"protocol":"all","destination":"0.0.0.0/0"}""", "0.0.0.0-255.255.255.255 all")]
    [InlineData("""{"protocol":"icmp","destination":"10.0.0.1","type":8,"code":0}""", "10.0.0.1-10.0.0.1 icmp 8/0")]
    [InlineData("""{"protocol":"icmp","destination":"10.0.0.1","type":-1,"code":-1}""", "10.0.0.1-10.0.0.1 icmp any/any")]
    [InlineData("""{"protocol":"tcp","destination":"10.0.0.1,10.0.0.3","ports":"1"}""", "10.0.0.1-10.0.0.1 tcp 1-1; 10.0.0.3-10.0.0.3 tcp 1-1")]
    [InlineData("""{"protocol":"tcp","destination":"10.0.0.1","ports":"90-80"}""", "")]
    [InlineData("""{"protocol":"tcp","destination":"10.0.0.1"}""", "")]
    [InlineData("""{"protocol":"tcp","destination":"fd00::/8","ports":"80"}""", "")]
    [InlineData("""{"protocol":"tcp","destination":"10.0.0.0/33","ports":"80"}""", "")]
    [InlineData("""{"protocol":"gre","destination":"10.0.0.1"}""", "")]
    public void Rules_of_security_groups(string rule, string expected)
    {
        var problems = new List<string>();
        string text = JsonSerializer.Serialize($"[{rule}]");
        (List<SecurityGroupRules> groups, long next) = SecurityGroupDocument.Parse(Encoding.UTF8.GetBytes($$"""{"next":7,"security_groups":[{"guid":"g","rules":{{text}},"running_default":true,"running_space_guids":["s"]}]}"""), problems);

        Assert.Equal(expected, string.Join("; ", groups[0].Rules));
        Assert.Equal(expected.Length == 0 ? 1 : 0, problems.Count);
        Assert.Equal((7, true, "s"), (next, groups[0].RunningDefault, groups[0].RunningSpaces[0]));
    }
}
