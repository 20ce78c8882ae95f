"""What more is known of data that is no plain table: what stands in a sequence, a text, a series, a corpus.

Decided and measured on training rows only, as all of a schema; kept in it, so written into the artifact as JSON.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from netwright.core.record import Record

MOST = 100_000
"""Steps, tokens, columns: bounds that no honest file comes near."""
Length = Annotated[int, Field(ge=1, le=MOST)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Scale = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class SequenceForm(Record):
    """A row is a sequence of T steps of C channels, fed as values (B, T, C), padded with zeros, and lengths (B,)."""

    kind: Literal["sequence"] = "sequence"
    channels: tuple[str, ...] = Field(min_length=1)
    length: Length
    """Steps of the longest training sequence."""
    shortest: Length
    """Steps of the shortest; the same where all are alike."""
    mean: tuple[Finite, ...]
    """Of each channel over all training steps, in its unit."""
    scale: tuple[Scale, ...]
    """Standard deviation of each channel likewise; above zero."""
    order: str | None = None
    """In a long table the column that orders the steps of a sequence; None for the order of the file."""
    id: str | None = None
    """In a long table the column that says which sequence a step belongs to."""
    steps: tuple[str, ...] = Field(default=(), max_length=MOST)
    """In a wide table the columns that are the steps, in their order."""

    @model_validator(mode="after")
    def _whole(self) -> "SequenceForm":
        if not len(self.channels) == len(self.mean) == len(self.scale) or self.shortest > self.length:
            raise ValueError("mean and scale of each channel, and shortest no longer than length")
        return self


class TextForm(Record):
    """A row is the text of some columns, joined in this order, fed as tokens (B, T) with 0 behind the last, and as
    n-grams: numbers (B, M) of those kept, with 0 behind the last, and their weights (B, M).
    """

    kind: Literal["text"] = "text"
    columns: tuple[str, ...] = Field(min_length=1)
    tokenizer: str = Field(max_length=100_000_000)
    """A tokenizer as the library tokenizers writes it, in JSON. Token 0 pads."""
    pieces: Length | Literal[0]
    """How many different tokens there are."""
    length: Length
    """Tokens a row has at most; what is longer is cut, and told."""
    grams: tuple[int, ...] = Field(default=(), max_length=2_000_000)
    """The hashes of the n-grams that are kept, rising; n-gram number i + 1 is the i-th."""
    rarity: tuple[Finite, ...] = ()
    """The inverse document frequency of each."""
    most_grams: int = Field(default=1024, ge=0, le=MOST)
    """N-grams of a row that are fed at most: the weightiest."""

    @model_validator(mode="after")
    def _whole(self) -> "TextForm":
        if len(self.grams) != len(self.rarity):
            raise ValueError("a rarity of each n-gram")
        return self


class SeriesStatistics(Record):
    """One series of the training rows."""

    id: str
    """The value of the id column; "" where there is one series alone."""
    steps: int = Field(ge=1)
    """Training steps, gaps filled."""
    center: tuple[Finite, ...]
    """Training mean of each target, then of each other number the network sees, in its unit."""
    scale: tuple[Scale, ...]
    """Training standard deviation likewise; above zero."""


class SeriesForm(Record):
    """A row is a window: `window` steps of the past, from which `horizon` steps that follow are foretold."""

    kind: Literal["series"] = "series"
    time: str | None
    """The column of time stamps; None where the rows have none and count as steps."""
    id: str | None = None
    """The column that says which series a row belongs to; None for one series."""
    targets: tuple[str, ...] = Field(min_length=1)
    past: tuple[str, ...] = ()
    """Columns of numbers that are known up to now only."""
    known: tuple[str, ...] = ()
    """Columns of numbers that are known in advance."""
    step: str = Field(pattern=r"^[1-9]\d{0,8}(us|ms|s|m|h|d|b|w|mo|q|y|i)$")
    """The time between two rows as an interval of a calendar: "15m", "1h", "1d", "1w", "1mo", "1q", "1y"; "1i" for
    rows without time."""
    zone: str | None = None
    """The zone the time stamps were in."""
    season: int = Field(ge=1, le=MOST)
    """Steps after which the series repeats itself; 1 for none."""
    window: Length
    horizon: Length
    series: tuple[SeriesStatistics, ...]

    @model_validator(mode="after")
    def _whole(self) -> "SeriesForm":
        numbers = len(self.targets) + len(self.past) + len(self.known)
        if any(not len(s.center) == len(s.scale) == numbers for s in self.series):
            raise ValueError("a center and a scale of each number of each series")
        return self


class CorpusForm(Record):
    """A row is a window of a text: `window` tokens, each of which the next is foretold from."""

    kind: Literal["corpus"] = "corpus"
    level: Literal["characters", "pieces"]
    vocabulary: tuple[str, ...] = Field(max_length=300_000)
    """The tokens in the order of their numbers; 0 stands for what training never saw."""
    tokenizer: str = Field(default="", max_length=100_000_000)
    """For pieces: a tokenizer as the library tokenizers writes it, in JSON."""
    per_token: Scale = 1.0
    """Characters a token stands for, in the mean over the training text."""
    window: Length

    @model_validator(mode="after")
    def _whole(self) -> "CorpusForm":
        plain = self.level == "pieces" or all(len(token) == 1 for token in self.vocabulary[1:])
        if len(self.vocabulary) < 2 or not plain:
            raise ValueError("two tokens or more, each one character where they are characters")
        return self


Form = Annotated[SequenceForm | TextForm | SeriesForm | CorpusForm, Field(discriminator="kind")]
