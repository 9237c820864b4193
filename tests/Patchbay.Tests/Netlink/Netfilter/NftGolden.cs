using Patchbay.Netlink.Codec;
using Patchbay.Netlink.Netfilter;

namespace Patchbay.Tests.Netlink.Netfilter;

/// <summary>Compares nf_tables messages with goldens in both directions.</summary>
public abstract class NftGolden
{
    /// <summary>What is composed encodes to the golden, and what the golden decodes to encodes to it again.</summary>
    private protected static void Rule(string caption, NftFamily family, Func<NftRuleBuilder, NftRuleBuilder> compose, string golden)
    {
        var comment = caption.Contains("comment \"", StringComparison.Ordinal) ? caption.Split('"')[1] : null;
        var rule = new NftRule(family, "t", "c", compose(new NftRuleBuilder(family)).Build()) { Comment = comment };
        GoldenBytes.AssertEqual(caption, golden, Encode(transaction => transaction.Add(rule))[0]);

        var decoded = NftRule.Decode(Message(golden));
        Assert.Equal(comment, decoded.Comment);
        GoldenBytes.AssertEqual($"{caption}, decoded and encoded again", golden, Encode(transaction => transaction.Add(decoded))[0]);
    }

    /// <summary>The commands of a transaction, each a message, without its sequence numbers.</summary>
    private protected static List<byte[]> Encode(Action<NftablesTransaction> commands)
    {
        var transaction = new NftablesTransaction();
        commands(transaction);
        var batch = transaction.Close();
        var messages = new List<byte[]>();
        for (var i = 1; i < batch.Count - 1; i++)
            messages.Add(GoldenBytes.Anonymous(batch.Writer.Written[batch.Requests[i].Offset..batch.Requests[i + 1].Offset]));
        return messages;
    }

    private protected static MessageReader Message(string golden)
    {
        var reader = new MessageReader(GoldenBytes.Parse(golden));
        Assert.True(reader.Next());
        return reader;
    }
}
