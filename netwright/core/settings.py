"""The settings of a run: made from flags, environment, a TOML file and defaults, and kept in the run folder."""

import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Literal

from pydantic import Field, ValidationError, field_validator

from netwright.core.errors import InputError
from netwright.core.record import Record
from netwright.core.schema import Scaling

LayersName = Literal["torch.nn", "netwright.layers"]
"""What networks are built from."""


class Settings(Record):
    """What a run was asked for. Everything has a default but the source; empty means "found from the data"."""

    source: str
    """A path, "-", a database URL, the name of a bundled data set, or "table" for values from memory."""
    target: tuple[str, ...] = ()
    """The column to predict, or several."""
    query: str | None = None
    """SQL for a database source."""
    task: str | None = None
    """regression, classification, multilabel, forecasting, language, reduction, anomaly, denoising or generation; found
    where None."""
    family: str | None = None
    """How the network is built; what suits the data and the task where None."""
    dimensions: int | None = Field(default=None, ge=1)
    """How many numbers a reduction tells a row in."""
    image_size: int | None = Field(default=None, ge=1, le=1024)
    """Pixels that pictures are wide or high, whichever is more, at most; what suits the family where None."""
    normal: str | None = None
    """The label of ordinary rows, where rows are labelled and anomalies are searched for; of two the most frequent."""
    false_alarms: float = Field(default=0.01, gt=0, lt=1)
    """Share of ordinary rows that a search for anomalies may take for one."""
    horizon: int | None = Field(default=None, ge=1, le=100_000)
    """Steps of a series that are foretold; a table is taken for series where it is given."""
    id: str | None = None
    """The column that says which series, or which sequence, a row belongs to."""
    known: tuple[str, ...] = ()
    """Columns of a series that are known in advance, such as holidays or prices that are set."""
    season: int | None = Field(default=None, ge=1, le=100_000)
    """Steps after which a series repeats itself; found where None."""
    quantiles: tuple[float, ...] = (0.1, 0.5, 0.9)
    """Of what is foretold; the middle one is the forecast."""
    window: int | None = Field(default=None, ge=1, le=100_000)
    """Steps of a series, or tokens of a text, that a network sees before what it foretells; found where None."""
    level: Literal["characters", "pieces"] | None = None
    """What a language model reads and writes; by the size of the text where None."""
    pretrained: str | None = None
    """The folder, or the name on a hub, of a network that others have trained, for --family bert."""
    config: dict[str, object] = {}
    """Settings of the family, such as epochs or hidden_sizes."""
    seed: int = Field(default=0, ge=0)
    time_limit: float | None = Field(default=None, gt=0)
    """Seconds for the whole command."""
    validation: str | None = None
    """A file of rows that validate."""
    test: str | None = None
    """A file of rows that are held out."""
    test_share: float | None = Field(default=None, ge=0, lt=0.9)
    """Share of rows held out where no file is given; where None a fifth, of a text to be continued a tenth."""
    time: str | None = None
    """The date-time column to split by."""
    group: str | None = None
    """The column whose equal values stay on one side of every split."""
    shuffle: bool = False
    """Split at random even where a date-time column orders the rows."""
    kinds: dict[str, str] = {}
    """By column: the kind it is taken for, instead of what its values look like."""
    exclude: tuple[str, ...] = ()
    """Columns to leave out."""
    scaling: Scaling = "robust"
    balanced: bool = False
    """Weight the classes so that each counts the same."""
    layers: LayersName = "torch.nn"
    """What it is built from: PyTorch's layers, or netwright's, written out by hand; in Python the module too."""
    device: str = "auto"

    def held_out(self, default: float = 0.2) -> float:
        """The share of rows that is held out where no file is given."""
        return default if self.test_share is None else self.test_share

    @field_validator("target", "exclude", "known", "quantiles", mode="before")
    @classmethod
    def _split_names(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value

    @field_validator("layers", mode="before")
    @classmethod
    def _name_layers(cls, value: object) -> object:
        return value.__name__ if isinstance(value, ModuleType) else value

    @field_validator("quantiles")
    @classmethod
    def _between(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if not value or list(value) != sorted(set(value)) or not 0 < value[0] <= 0.5 <= value[-1] < 1:
            raise ValueError("rising numbers between 0 and 1, on both sides of 0.5")
        return value if 0.5 in value else tuple(sorted((*value, 0.5)))


def resolve(flags: Mapping[str, object], config_file: Path | None = None) -> Settings:
    """Settings from flags, then `NETWRIGHT_*` variables, then the TOML file, then defaults; None means "not given".

    Raises InputError for a name or value that does not exist, saying where it came from.
    """
    layers = [("the flags", {k: v for k, v in flags.items() if v is not None}), ("the environment", _environment())]
    if config_file is not None:
        layers.append((str(config_file), read_toml(config_file)))
    merged: dict[str, object] = {}
    for _, layer in reversed(layers):
        for name, value in layer.items():
            old = merged.get(name)
            merged[name] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        raise _invalid(error, layers) from None


def read_toml(path: Path) -> dict[str, object]:
    """The values of a TOML file. Raises InputError where it is none."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(
            "The settings file can't be read.",
            got=f"{path}: {error}",
            wanted="a TOML file such as the settings.toml of a run folder",
            fix="Correct the file, or leave --config out.",
        ) from None


def to_toml(settings: Settings) -> str:
    """The settings as TOML that `read_toml` reads back; values that are not given are left out."""
    values = settings.model_dump(mode="json", exclude_none=True)
    plain = {k: v for k, v in values.items() if not isinstance(v, dict)}
    tables = {k: v for k, v in values.items() if isinstance(v, dict) and v}
    lines = [f"{name} = {_toml(value)}" for name, value in plain.items()]
    for name, table in tables.items():
        lines += ["", f"[{name}]", *(f"{_toml(key)} = {_toml(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    """A TOML value. JSON's form is TOML's too, but for infinities, tables, and text that JSON need not escape."""
    match value:
        case float():
            return repr(value)
        case list():
            return f"[{', '.join(map(_toml, value))}]"
        case dict():
            return f"{{{', '.join(f'{_toml(key)} = {_toml(item)}' for key, item in value.items())}}}"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _environment() -> dict[str, object]:
    """What is set; lists and tables may be written as JSON. Raises InputError for JSON that is none."""
    found: dict[str, object] = {}
    for name, setting in Settings.model_fields.items():
        value = os.environ.get(f"NETWRIGHT_{name.upper()}")
        if value is None:
            continue
        found[name] = value
        if isinstance(setting.default, tuple | dict) and value.startswith(("[", "{")):
            try:
                found[name] = json.loads(value)
            except ValueError as error:
                raise InputError(
                    f"The variable NETWRIGHT_{name.upper()} can't be read.",
                    got=f"{value} ({error})",
                    wanted="JSON, such as " + ('["a", "b"]' if setting.default == () else '{"name": "value"}'),
                    fix=f"Correct NETWRIGHT_{name.upper()}, or unset it.",
                ) from None
    return found


def _invalid(error: ValidationError, layers: list[tuple[str, dict]]) -> InputError:
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else "settings"
    origin = next((where for where, layer in layers if name in layer), "the defaults")
    return InputError(
        f"The setting {name!r} from {origin} is not valid.",
        got=repr(first.get("input")),
        wanted=first["msg"],
        fix=f"Correct --{name.replace('_', '-')}; `netwright train --help` lists what there is.",
    )
