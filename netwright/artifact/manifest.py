"""What `manifest.json` holds."""

import json

from pydantic import Field

from netwright.core.files import sha256
from netwright.core.record import Record
from netwright.core.schema import Schema
from netwright.core.settings import LayersName
from netwright.tasks import Task

FORMAT = 4
"""The version of the folder's form. A newer one than this is refused."""


def seal(values: dict) -> str:
    """The SHA-256 of a manifest's values, its own `sha256` aside, in one way of writing them."""
    plain = {name: value for name, value in values.items() if name != "sha256"}
    return sha256(json.dumps(plain, sort_keys=True).encode())


class FileEntry(Record):
    """One file of the folder beside the manifest."""

    bytes: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class Manifest(Record):
    """All of an artifact but its weights."""

    format: int
    netwright: str
    """Version that wrote it."""
    torch: str
    """Build of torch that trained it."""
    source: str
    """Where the training rows came from, as it was given."""
    rows: int
    """Rows that trained or validated."""
    figures: dict[str, float] = {}
    """Figures on held-out rows; empty where none were held out."""
    task: Task
    data: Schema
    family: str
    config: dict[str, object]
    layers: LayersName = "torch.nn"
    """What the network is built from; the weights fit either."""
    files: dict[str, FileEntry]
    sha256: str = ""
    """`seal` of all the rest: statistics and settings are as easily damaged as weights."""
