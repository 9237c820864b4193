namespace Patchbay.Lab.Schema;

/// <summary>A place in a file, counted from 1.</summary>
internal readonly record struct Position(string File, int Line, int Column)
{
    public override string ToString() => Line == 0 ? File : $"{File}:{Line}:{Column}";
}

/// <summary>A text and where it stands, so that what is found out later can still be told of it.</summary>
internal readonly record struct Located(string Text, Position At)
{
    public override string ToString() => Text;
}
