"""What `manifest.json` holds."""

from pydantic import Field

from netwright.core.record import Record
from netwright.core.schema import Schema
from netwright.tasks import Task

FORMAT = 1
"""The version of the folder's form. A newer one than this is refused."""


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
    files: dict[str, FileEntry]
