using System.Data.Common;
using System.Diagnostics.CodeAnalysis;

namespace Patchbay.Policy.Store;

/// <summary>A statement within a transaction, with the names of its parameters; it may be executed many times.</summary>
internal sealed class Statement
{
    // Which text it is, is a matter of this project's literals: no caller puts anything from outside into it.
    [SuppressMessage("Security", "CA2100", Justification = "Every text is a literal; values are parameters.")]
    internal Statement(DbTransaction transaction, string text, params ReadOnlySpan<string> parameters)
    {
        Command = transaction.Connection!.CreateCommand();
        Command.Transaction = transaction;
        Command.CommandText = text;
        foreach (string name in parameters)
        {
            DbParameter parameter = Command.CreateParameter();
            parameter.ParameterName = name;
            Command.Parameters.Add(parameter);
        }
    }

    internal DbCommand Command { get; }

    /// <summary>Executes it with these values.</summary>
    /// <returns>The number of rows that it changed.</returns>
    internal int Execute(params ReadOnlySpan<object> values)
    {
        Bind(values);
        return Command.ExecuteNonQuery();
    }

    /// <summary>Executes it with these values.</summary>
    /// <returns>The number in the first column of the first row, or null if there is no row or no number.</returns>
    internal long? Number(params ReadOnlySpan<object> values)
    {
        Bind(values);
        return Command.ExecuteScalar() switch
        {
            long number => number,
            int number => number,
            _ => null,
        };
    }

    private void Bind(ReadOnlySpan<object> values)
    {
        for (int at = 0; at < values.Length; at++)
            Command.Parameters[at].Value = values[at];
    }
}
