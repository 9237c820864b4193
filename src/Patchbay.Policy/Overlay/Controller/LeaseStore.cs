using System.Data.Common;
using System.Net;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Policy.Overlay.Leases;
using Patchbay.Policy.Store;

namespace Patchbay.Policy.Overlay.Controller;

/// <summary>Leases in a database, which is disposed with it; several controllers may use one.</summary>
/// <remarks>
/// Every call is one transaction, and fails with a <see cref="DbException"/> when the database does. That no subnet is given twice is the database's own word: rows are
/// unique, and who comes second inserts nothing and looks again.
/// </remarks>
internal sealed class LeaseStore(Database database, AddressPool pool, LeaseClock clock) : IDisposable
{
    private const int Attempts = 10;

    internal string Description => database.Description;

    public void Dispose() => database.Dispose();

    /// <summary>Brings the schema up to date.</summary>
    /// <returns>The names of the steps that were missing.</returns>
    internal IReadOnlyList<string> Migrate() => database.Migrate(LeaseMigrations.Steps);

    /// <summary>The lease of a host, which gets one if it has none: a free one, or the one that expired first.</summary>
    /// <exception cref="LeaseConflictException">None is free.</exception>
    internal Lease Acquire(IPAddress underlay, bool single)
    {
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            using DbConnection connection = database.Open();
            using DbTransaction transaction = database.BeginWrite(connection);
            List<Row> rows = Read(transaction);
            if (rows.Find(row => row.Lease.Underlay.Equals(underlay)) is { } own)
            {
                // Asked for by its host, a lease that had expired is good again.
                if (pool.IsMember(own.Lease.Subnet) && Touch(transaction, own.Lease))
                    return Committed(own.Lease);
                Delete(transaction, own);
                rows.Remove(own);
            }

            if (Choose(transaction, rows, single) is not { } subnet)
                throw new LeaseConflictException("no lease available");
            var lease = Lease.Of(underlay, subnet);
            if (Insert(transaction, lease))
                return Committed(lease);

            Lease Committed(Lease lease)
            {
                transaction.Commit();
                return lease;
            }
        }

        throw new LeaseConflictException("no lease available: others were faster each time");
    }

    /// <summary>Prolongs a lease. One that is not known is added, if nobody else has its subnet: a controller whose database was lost learns its leases again.</summary>
    /// <exception cref="LeaseConflictException">It is not the lease of that host, or another host's.</exception>
    internal void Renew(Lease lease)
    {
        using DbConnection connection = database.Open();
        using DbTransaction transaction = database.BeginWrite(connection);
        if (!Touch(transaction, lease))
        {
            List<Row> rows = Read(transaction);
            if (rows.Find(row => row.Lease.Underlay.Equals(lease.Underlay)) is { } other)
                throw new LeaseConflictException($"lease mismatch: {lease.Underlay} has {other.Lease.Subnet} ({other.Lease.Address})");
            if (!pool.IsMember(lease.Subnet))
                throw new LeaseConflictException("overlay subnet not in pool");
            if (rows.Find(row => row.Lease.Subnet.Overlaps(lease.Subnet)) is { } holder)
                throw new LeaseConflictException($"{lease.Subnet} belongs to {holder.Lease.Underlay}");
            if (!Insert(transaction, lease))
                throw new LeaseConflictException($"{lease.Subnet} or {lease.Address} belongs to another host");
        }

        transaction.Commit();
    }

    /// <summary>Gives a host's lease back.</summary>
    /// <returns>False when it has none.</returns>
    internal bool Release(IPAddress underlay)
    {
        using DbConnection connection = database.Open();
        using DbTransaction transaction = database.BeginWrite(connection);
        bool released = new Statement(transaction, "DELETE FROM subnets WHERE underlay_ip = @underlay", "underlay").Execute(underlay.ToString()) > 0;
        transaction.Commit();
        return released;
    }

    /// <summary>All leases with the time of their last renewal, lowest subnet first, and whether each is still good.</summary>
    internal IReadOnlyList<(Lease Lease, long Renewed, bool IsActive)> List()
    {
        using DbConnection connection = database.Open();
        using DbTransaction transaction = database.BeginRead(connection);
        long expired = clock.Expired;
        return [.. Read(transaction).Select(row => (row.Lease, row.Renewed, row.Renewed > expired)).OrderBy(each => each.Lease.Subnet)];
    }

    private Subnet? Choose(DbTransaction transaction, List<Row> rows, bool single)
    {
        if (pool.FindFree([.. rows.Select(row => row.Lease.Subnet)], single) is { } free)
            return free;
        long expired = clock.Expired;
        Row? oldest = rows.Where(row => row.Renewed <= expired && pool.IsMember(row.Lease.Subnet) && row.Lease.Subnet.IsSingle == single).MinBy(row => row.Renewed);
        // Not when its host has renewed it since.
        return oldest is not null && Delete(transaction, oldest) ? oldest.Lease.Subnet : null;
    }

    private static bool Delete(DbTransaction transaction, Row row) =>
        new Statement(transaction, "DELETE FROM subnets WHERE underlay_ip = @underlay AND last_renewed_at = @renewed", "underlay", "renewed").Execute(row.Lease.Underlay.ToString(), row.Renewed) > 0;

    private bool Touch(DbTransaction transaction, Lease lease) =>
        new Statement(transaction, "UPDATE subnets SET last_renewed_at = @now WHERE underlay_ip = @underlay AND overlay_subnet = @subnet AND overlay_hwaddr = @address", "now", "underlay", "subnet", "address")
            .Execute(clock.Now, lease.Underlay.ToString(), lease.Subnet.ToString(), lease.Address.ToString()) > 0;

    private bool Insert(DbTransaction transaction, Lease lease) =>
        new Statement(transaction, "INSERT INTO subnets VALUES (@underlay, @subnet, @address, @now) ON CONFLICT DO NOTHING", "underlay", "subnet", "address", "now")
            .Execute(lease.Underlay.ToString(), lease.Subnet.ToString(), lease.Address.ToString(), clock.Now) > 0;

    private static List<Row> Read(DbTransaction transaction)
    {
        using DbCommand query = new Statement(transaction, "SELECT underlay_ip, overlay_subnet, overlay_hwaddr, last_renewed_at FROM subnets").Command;
        using DbDataReader row = query.ExecuteReader();
        var rows = new List<Row>();
        while (row.Read())
        {
            if (!Lease.TryParseUnderlay(row.GetString(0), out IPAddress underlay) || !Subnet.TryParse(row.GetString(1), out Subnet subnet) || !MacAddress.TryParse(row.GetString(2), out MacAddress address))
                throw new InvalidDataException($"table subnets has a row that is no lease: \"{row.GetString(0)}\", \"{row.GetString(1)}\", \"{row.GetString(2)}\"");
            rows.Add(new Row(new Lease(underlay, subnet, address), row.GetInt64(3)));
        }

        return rows;
    }

    private sealed record Row(Lease Lease, long Renewed);
}
