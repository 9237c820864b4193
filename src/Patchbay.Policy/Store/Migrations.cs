namespace Patchbay.Policy.Store;

/// <summary>The schema, as the steps that lead to it. A step that was ever released is never changed; what is new is a new step.</summary>
internal static class Migrations
{
    /// <summary>The steps, oldest first; <c>{identity}</c> stands for the database's own word for a column that counts up.</summary>
    /// <remarks>
    /// A row of groups is a tag: its id is the number on the wire. Rows are 1 to n without a gap, and one whose guid is null is free, so the
    /// lowest free number is one look-up. policies_info has one row, which every transaction that writes changes first: it orders them all.
    /// </remarks>
    internal static readonly (string Name, string Statements)[] Steps =
    [
        ("0001 policies", """
            CREATE TABLE groups (
                id INTEGER PRIMARY KEY,
                guid TEXT UNIQUE,
                type TEXT NOT NULL DEFAULT 'app');
            CREATE INDEX groups_free ON groups (id) WHERE guid IS NULL;
            CREATE TABLE policies (
                id {identity} PRIMARY KEY,
                source_id INTEGER NOT NULL REFERENCES groups (id),
                destination_id INTEGER NOT NULL REFERENCES groups (id),
                protocol TEXT NOT NULL,
                start_port INTEGER NOT NULL,
                end_port INTEGER NOT NULL,
                UNIQUE (source_id, destination_id, protocol, start_port, end_port));
            CREATE INDEX policies_destination ON policies (destination_id);
            CREATE TABLE policies_info (
                id INTEGER PRIMARY KEY,
                revision BIGINT NOT NULL,
                last_updated BIGINT NOT NULL);
            INSERT INTO policies_info VALUES (1, 0, {now});
            """),
        ("0002 security groups", """
            CREATE TABLE security_groups (
                id {identity} PRIMARY KEY,
                guid TEXT NOT NULL UNIQUE,
                name TEXT NOT NULL,
                rules TEXT NOT NULL,
                staging_default BOOLEAN NOT NULL,
                running_default BOOLEAN NOT NULL,
                staging_spaces TEXT NOT NULL,
                running_spaces TEXT NOT NULL);
            ALTER TABLE policies_info ADD COLUMN security_groups_revision BIGINT NOT NULL DEFAULT 0;
            ALTER TABLE policies_info ADD COLUMN security_groups_updated BIGINT NOT NULL DEFAULT 0;
            """),
    ];
}
