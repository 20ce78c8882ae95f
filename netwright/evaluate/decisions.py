"""What is done with each column, in words."""

from datetime import UTC, datetime

from netwright.core.forms import CorpusForm, Form, SequenceForm, SeriesForm, TextForm
from netwright.core.schema import (
    CategoryColumn,
    Column,
    ImageColumn,
    LeftOutColumn,
    NumberColumn,
    TextColumn,
    TimeColumn,
)
from netwright.evaluate.format import count, number, shorten


def treatment(column: Column) -> str:
    """How a column's values become the network's inputs, in a sentence without a full stop."""
    match column:
        case LeftOutColumn():
            return "left out"
        case NumberColumn():
            way = f"centred on {number(column.center)} and scaled, far values drawn in smoothly"
            return f"{'as its quantile' if column.quantiles else way}{_filled(column, 'the median')}"
        case TimeColumn():
            parts = f", and the circle of {', '.join(column.parts)}" if column.parts else ""
            seen = f"{_day(column.lowest)} to {_day(column.highest)}"
            return f"elapsed time{parts} ({seen}){_filled(column, 'the middle')}"
        case CategoryColumn():
            return _category(column)
        case TextColumn():
            return "read as text"
        case ImageColumn():
            colour = "grey" if column.channels == 1 else "colour"
            way = "scaled as a whole and padded with its edge" if column.fitting == "pad" else "stretched"
            return f"{column.height} × {column.width} pixels in {colour}; one of another shape is {way}"


def formed(form: Form) -> str:
    """What a row is where the data is no plain table, in words without a full stop."""
    match form:
        case SequenceForm():
            steps = (
                count(form.length, "step")
                if form.shortest == form.length
                else (f"{form.shortest:,} to {count(form.length, 'step')}")
            )
            return f"sequences of {steps} of {count(len(form.channels), 'channel')}"
        case TextForm():
            more = f", and {count(len(form.grams), 'n-gram')} of words and letters" if form.grams else ""
            return f"texts of at most {count(form.length, 'token')}, of {form.pieces:,} different ones{more}"
        case SeriesForm():
            season = f", a season of {form.season:,}" if form.season > 1 else ""
            series = count(len(form.series), "series", "series")
            ahead = f"from {form.window:,} steps the next {form.horizon:,} are foretold"
            return f"{series} in steps of {form.step}{season}: {ahead}"
        case CorpusForm():
            what = "character" if form.level == "characters" else "piece"
            return f"a text of {len(form.vocabulary) - 1:,} different {what}s, seen {form.window:,} at a time"


def _category(column: CategoryColumn) -> str:
    some = ", ".join(shorten(value, 20) for value in column.values[:3])
    more = ", …" if len(column.values) > 3 else ""
    text = f"a learned vector for each of {count(len(column.values), 'value')} ({some}{more}) and one for others"
    if column.rare:
        text += f", which {count(column.rare, 'row')} with rare values share"
    return f"{text}; one for missing" if column.missing else text


def _filled(column: Column, stand_in: str) -> str:
    return f"; where missing {stand_in}, and a mark" if column.missing else ""


def _day(seconds: float) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"
    except (ValueError, OverflowError, OSError):
        return f"{number(seconds)} s"
