using System.Globalization;
using Patchbay.Lab.Schema;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Lab.Plan;

/// <summary>Reads an impairment in tc-netem(8)'s words, and a few of tc-red(8)'s: <c>rate 10mbit delay 40ms 5ms distribution normal loss gemodel 1% 10%</c>.</summary>
internal sealed class NetemReader
{
    private static readonly string[] Words = ["delay", "distribution", "loss", "ecn", "duplicate", "corrupt", "reorder", "gap", "rate", "slot", "limit", "red"];

    private readonly Queue<string> _words;
    private readonly Dictionary<string, (double Share, double Correlation)> _shares = new(StringComparer.Ordinal);
    private TimeSpan _delay, _jitter;
    private double _correlation;
    private NetemDistribution? _distribution;
    private NetemLoss? _model;
    private NetemSlot? _slot;
    private bool _ecn;
    private ulong _rate;
    private int _rateOverhead, _cellSize, _cellOverhead;
    private uint _limit = 1000, _gap;
    private EarlyDetection _red;

    private NetemReader(string text) => _words = new Queue<string>(text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    /// <returns>What is wrong with the words; null when nothing is.</returns>
    public static string? TryParse(string text, out Impairment? impairment)
    {
        impairment = null;
        var reader = new NetemReader(text);
        if ((reader.ReadAll() ?? reader.Check()) is { } wrong)
            return wrong;
        impairment = reader.Impairment();
        return null;
    }

    private string? ReadAll()
    {
        while (_words.TryDequeue(out var word))
        {
            var wrong = word switch
            {
                "delay" or "latency" => ReadDelay(word),
                "distribution" => ReadDistribution(word, out _distribution),
                "loss" or "drop" when _words.TryPeek(out var model) && model is "state" or "gemodel" => ReadModel(_words.Dequeue()),
                "loss" or "drop" or "duplicate" or "corrupt" or "reorder" => ReadShare(word),
                "ecn" => Set(() => _ecn = true),
                "rate" => ReadRate(word),
                "slot" => ReadSlot(word),
                "limit" => ReadNumber(word, out _limit),
                "gap" => ReadNumber(word, out _gap),
                "red" => Set(() => _red = Next("ecn") ? EarlyDetection.Mark : EarlyDetection.Drop),
                _ => $"expected one of {string.Join(", ", Words)}, found \"{word}\"",
            };
            if (wrong is not null)
                return wrong;
        }

        return null;
    }

    private string? Check()
    {
        if (Share("reorder").Share > 0 && _delay == default)
            return "\"reorder\" needs \"delay\": what is not delayed overtakes nothing";
        if (_distribution is not null && _jitter == default)
            return "\"distribution\" needs a \"delay\" that varies, such as 40ms 5ms";
        if (_ecn && Share("loss").Share == 0 && _model is null)
            return "\"ecn\" needs \"loss\": it is what would be lost that is marked";
        if (_model is not null && _shares.ContainsKey("loss"))
            return "expected one \"loss\", found two";
        if (_red != EarlyDetection.None && HasOverhead)
            return "\"red\" and a rate that counts more bytes than there are exclude each other";
        return _red != EarlyDetection.None && _rate == 0 ? "\"red\" needs \"rate\": only where packets wait is there a queue" : null;
    }

    private Impairment Impairment()
    {
        var (reorder, reorderCorrelation) = Share("reorder");
        var netem = new Netem
        {
            Delay = _delay,
            Jitter = _jitter,
            DelayCorrelation = _correlation,
            Distribution = _distribution,
            Loss = Share("loss").Share,
            LossCorrelation = Share("loss").Correlation,
            LossModel = _model,
            Ecn = _ecn,
            Duplicate = Share("duplicate").Share,
            DuplicateCorrelation = Share("duplicate").Correlation,
            Corrupt = Share("corrupt").Share,
            CorruptCorrelation = Share("corrupt").Correlation,
            Reorder = reorder,
            ReorderCorrelation = reorderCorrelation,
            Gap = reorder > 0 ? Math.Max(_gap, 1) : _gap,
            Rate = _red == EarlyDetection.None ? _rate : 0,
            RateOverhead = _rateOverhead,
            CellSize = (uint)_cellSize,
            CellOverhead = _cellOverhead,
            Slot = _slot,
            Limit = _limit,
        };
        // A limit of the rate a token bucket does as well: every kernel has one. And it is its queue that red is about.
        var nothingElse = IsNothingElse(netem);
        return (_rate > 0 && nothingElse) || _red != EarlyDetection.None
            ? new Impairment(nothingElse ? null : netem, _rate) { Red = _red }
            : new Impairment(netem, 0);
    }

    private bool IsNothingElse(Netem netem) =>
        netem is { Loss: 0, LossModel: null, Duplicate: 0, Corrupt: 0, Reorder: 0, Slot: null } && _delay == default && _jitter == default && !HasOverhead;

    private bool HasOverhead => (_rateOverhead, _cellSize, _cellOverhead) != default;

    private (double Share, double Correlation) Share(string word) => _shares.GetValueOrDefault(word);

    private string? ReadDelay(string word)
    {
        if (!_words.TryDequeue(out var first) || !NetemText.TryTime(first, out _delay))
            return Expected("a time such as 40ms", word, first);
        if (!_words.TryPeek(out var second) || !NetemText.TryTime(second, out _jitter))
            return null;
        _words.Dequeue();
        if (_words.TryPeek(out var third) && NetemText.TryShare(third, out _correlation))
            _words.Dequeue();
        return null;
    }

    private string? ReadDistribution(string word, out NetemDistribution? distribution)
    {
        distribution = null;
        if (!_words.TryDequeue(out var name) || (name != "uniform" && (distribution = NetemText.Distributions.FirstOrDefault(each => each?.Name == name)) is null))
            return Expected("one of uniform, normal, pareto, paretonormal", word, name);
        return null;
    }

    private string? ReadShare(string word)
    {
        if (word == "loss")
            Next("random");
        if (!_words.TryDequeue(out var share) || !NetemText.TryShare(share, out var value))
            return Expected("a share such as 1%", word, share);
        double correlation = 0;
        if (_words.TryPeek(out var next) && NetemText.TryShare(next, out correlation))
            _words.Dequeue();
        _shares[word == "drop" ? "loss" : word] = (value, correlation);
        return null;
    }

    private string? ReadModel(string model)
    {
        var shares = new List<double>();
        while (shares.Count < (model == "state" ? 5 : 4) && _words.TryPeek(out var word) && NetemText.TryShare(word, out var share))
        {
            shares.Add(share);
            _words.Dequeue();
        }

        if (shares.Count == 0)
            return Expected("a share such as 1%", $"loss {model}", _words.TryPeek(out var found) ? found : null);
        // In tc-netem(8)'s order; what is not said is what the model's record has.
        if (model == "state")
        {
            var four = new FourStateLoss(shares[0]);
            _model = four with { P31 = At(1, four.P31), P32 = At(2, four.P32), P23 = At(3, four.P23), P14 = At(4, four.P14) };
        }
        else
        {
            var gilbert = new GilbertElliottLoss(shares[0]);
            _model = gilbert with { R = At(1, gilbert.R), OneMinusH = At(2, gilbert.OneMinusH), OneMinusK = At(3, gilbert.OneMinusK) };
        }

        return null;

        double At(int index, double otherwise) => index < shares.Count ? shares[index] : otherwise;
    }

    private string? ReadRate(string word)
    {
        if (!_words.TryDequeue(out var bits) || !NetemText.TryRate(bits, out _rate))
            return Expected("a rate such as 10mbit", word, bits);
        if (NextNumber(out _rateOverhead) && NextNumber(out _cellSize) && _cellSize >= 0)
            NextNumber(out _cellOverhead);
        return _cellSize < 0 ? Expected("a cell's size that is not negative", word, null) : null;
    }

    private string? ReadSlot(string word)
    {
        var slot = new NetemSlot();
        if (Next("distribution"))
        {
            if (ReadDistribution("slot distribution", out var distribution) is { } wrong)
                return wrong;
            if (!_words.TryDequeue(out var mean) || !NetemText.TryTime(mean, out var delay))
                return Expected("a time such as 800us", "slot distribution", mean);
            if (!_words.TryDequeue(out var spread) || !NetemText.TryTime(spread, out var jitter) || jitter == default)
                return Expected("a second time, by which the first varies,", "slot distribution", spread);
            slot = slot with { Distribution = distribution, Delay = delay, Jitter = jitter };
        }
        else
        {
            if (!_words.TryDequeue(out var least) || !NetemText.TryTime(least, out var from) || from == default)
                return Expected("a time such as 800us", word, least);
            var to = from;
            if (_words.TryPeek(out var most) && NetemText.TryTime(most, out to))
                _words.Dequeue();
            slot = slot with { Least = from, Most = to < from ? from : to };
        }

        while (_words.TryPeek(out var kind) && kind is "packets" or "bytes")
        {
            if (ReadNumber(_words.Dequeue(), out var number) is { } wrong)
                return wrong;
            slot = kind == "packets" ? slot with { Packets = (int)number } : slot with { Bytes = (int)number };
        }

        _slot = slot;
        return null;
    }

    private string? ReadNumber(string word, out uint number)
    {
        number = 0;
        return _words.TryDequeue(out var text) && uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number <= int.MaxValue ? null : Expected("a number", word, text);
    }

    private bool NextNumber(out int number)
    {
        number = 0;
        if (!_words.TryPeek(out var word) || !int.TryParse(word, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out number))
            return false;
        _words.Dequeue();
        return true;
    }

    private bool Next(string word)
    {
        if (!_words.TryPeek(out var next) || next != word)
            return false;
        _words.Dequeue();
        return true;
    }

    private static string? Set(Action set)
    {
        set();
        return null;
    }

    private static string Expected(string what, string after, string? found) => found is null ? $"expected {what} after \"{after}\"" : $"expected {what} after \"{after}\", found \"{found}\"";
}
