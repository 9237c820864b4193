using System.Data.Common;
using Patchbay.Policy.Model;

namespace Patchbay.Policy.Store;

/// <summary>The tags, within a transaction that no other writer runs beside.</summary>
internal sealed class TagTable(DbTransaction transaction, int tagLength)
{
    private readonly Statement _find = new(transaction, "SELECT id FROM groups WHERE guid = @guid", "guid");
    private readonly Statement _findOfType = new(transaction, "SELECT id FROM groups WHERE guid = @guid AND type = @type", "guid", "type");
    private readonly Statement _lowestFree = new(transaction, "SELECT id FROM groups WHERE guid IS NULL ORDER BY id LIMIT 1");
    private readonly Statement _highest = new(transaction, "SELECT max(id) FROM groups");
    private readonly Statement _take = new(transaction, "UPDATE groups SET guid = @guid, type = @type WHERE id = @id", "guid", "type", "id");
    private readonly Statement _add = new(transaction, "INSERT INTO groups (id, guid, type) VALUES (@id, @guid, @type)", "id", "guid", "type");
    private readonly Statement _free = new(transaction, """
        UPDATE groups SET guid = NULL WHERE id = @id AND type = 'app'
            AND NOT EXISTS (SELECT 1 FROM policies WHERE source_id = @id) AND NOT EXISTS (SELECT 1 FROM policies WHERE destination_id = @id)
        """, "id");

    internal int? Find(string guid) => (int?)_find.Number(guid);

    /// <summary>The tag of what a policy names; one that has none gets the lowest that is free.</summary>
    internal int Take(string guid) => Find(guid) ?? Allocate(guid, GroupTag.App);

    /// <summary>The same for any type, which must be the one that it has.</summary>
    internal int Take(string guid, string type)
    {
        if (_findOfType.Number(guid, type) is { } tag)
            return (int)tag;
        return Find(guid) is null ? Allocate(guid, type) : throw new InvalidDataException($"\"{guid}\" has a tag of another type than {type}");
    }

    /// <summary>Frees the tag of an app that no policy names.</summary>
    internal void FreeUnused(int tag) => _free.Execute(tag);

    private int Allocate(string guid, string type)
    {
        if (_lowestFree.Number() is { } free)
        {
            _take.Execute(guid, type, (int)free);
            return (int)free;
        }

        int next = (int)(_highest.Number() ?? 0) + 1;
        int highest = (1 << (8 * tagLength)) - 1;
        if (next > highest)
            throw new InvalidDataException($"all {highest} tags are taken: policies name that many apps; tag_length is {tagLength}");
        _add.Execute(next, guid, type);
        return next;
    }
}
