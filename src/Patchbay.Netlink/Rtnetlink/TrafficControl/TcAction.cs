using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>What a filter does with a packet (net/sched/act_api.c; tc-actions(8)).</summary>
public abstract class TcAction
{
    // TCA_ACT_*, include/uapi/linux/pkt_cls.h
    private const ushort TCA_ACT_KIND = 1;
    private const ushort TCA_ACT_OPTIONS = 2;

    /// <summary>The kernel's name of the kind: <c>mirred</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Writes what is inside TCA_ACT_OPTIONS.</summary>
    /// <param name="writer">Where to.</param>
    internal abstract void Write(MessageWriter writer);

    /// <summary>Writes actions inside an attribute of the filter's kind, numbered from 1 as the kernel wants it.</summary>
    internal static void WriteAll(MessageWriter writer, ushort attribute, IReadOnlyList<TcAction> actions)
    {
        if (actions.Count == 0)
            return;
        using (writer.Enclosed(attribute))
        {
            for (var i = 0; i < actions.Count; i++)
            {
                using (writer.Enclosed((ushort)(i + 1)))
                {
                    writer.Text(TCA_ACT_KIND, actions[i].Name);
                    using (writer.Nested(TCA_ACT_OPTIONS))
                        actions[i].Write(writer);
                }
            }
        }
    }

    /// <summary>Reads the actions inside an attribute of the filter's kind; one of an unknown kind is a <see cref="UnknownAction"/>.</summary>
    internal static IReadOnlyList<TcAction> ReadAll(AttributeReader list)
    {
        var actions = new List<TcAction>();
        while (list.Next())
        {
            var kind = "";
            var options = default(AttributeReader);
            var action = list.Nested();
            while (action.Next())
            {
                switch (action.Type)
                {
                    case TCA_ACT_KIND: kind = action.Text(); break;
                    case TCA_ACT_OPTIONS: options = action.Nested(); break;
                }
            }

            action.ThrowIfMalformed("action");
            actions.Add(kind == Mirred.KindName ? Mirred.Read(options) : new UnknownAction(kind));
        }

        list.ThrowIfMalformed("actions");
        return actions;
    }
}

/// <summary>An action that this library does not interpret, read from the kernel.</summary>
/// <param name="name">The kernel's name of its kind.</param>
public sealed class UnknownAction(string name) : TcAction
{
    /// <inheritdoc/>
    public override string Name => name;

    internal override void Write(MessageWriter writer) => throw new NotSupportedException($"action \"{name}\" is only known by name");
}
