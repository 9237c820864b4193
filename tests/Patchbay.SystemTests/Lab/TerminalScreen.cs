using System.Globalization;
using System.Text;

namespace Patchbay.SystemTests.Lab;

/// <summary>What a terminal of some width would show of what was written to it: the part of console_codes(4) that the lab uses, and nothing else.</summary>
internal sealed class TerminalScreen(int width)
{
    private readonly List<StringBuilder> _rows = [new()];
    private int _row;
    private int _column;

    /// <summary>The rows that have something, without what is blank at their ends.</summary>
    public string[] Rows => [.. _rows.Select(row => row.ToString().TrimEnd()).Where(row => row.Length > 0)];

    public void Write(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            switch (text[i])
            {
                case '\r':
                    _column = 0;
                    break;
                case '\n':
                    Down();
                    break;
                case '\e':
                    i = Sequence(text, i + 1);
                    break;
                default:
                    Put(text[i]);
                    break;
            }
        }
    }

    private int Sequence(string text, int at)
    {
        // Keys as applications want them (ESC = and ESC [ ? 1 h), which .NET asks for in every terminal: nothing that is seen.
        if (text[at] == '=')
            return at;
        Assert.Equal('[', text[at]);
        int end = at + 1;
        while (!char.IsAsciiLetter(text[end]))
            end++;
        string parameter = text[(at + 1)..end];
        switch (text[end])
        {
            case 'A':
                _row -= parameter.Length == 0 ? 1 : int.Parse(parameter, CultureInfo.InvariantCulture);
                Assert.True(_row >= 0, "the cursor leaves the screen");
                break;
            case 'J':
                _rows.RemoveRange(_row + 1, _rows.Count - _row - 1);
                _rows[_row].Length = Math.Min(_rows[_row].Length, _column);
                break;
            case 'm':
            case 'h' when parameter == "?1":
                break;
            default:
                Assert.Fail($"an unknown sequence: ESC {text[at..(end + 1)]}");
                break;
        }

        return end;
    }

    private void Put(char character)
    {
        if (_column == width)
        {
            Down();
            _column = 0;
        }

        StringBuilder row = _rows[_row];
        row.Append(' ', Math.Max(0, _column + 1 - row.Length));
        row[_column++] = character;
    }

    private void Down()
    {
        if (++_row == _rows.Count)
            _rows.Add(new());
    }
}
