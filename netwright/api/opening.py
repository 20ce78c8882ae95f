"""What a source holds: a table, or pictures."""

from dataclasses import replace

from netwright.api.rows import Sources
from netwright.core.errors import InputError
from netwright.core.schema import DataKind
from netwright.core.settings import Settings
from netwright.data.opening import open_source
from netwright.data.pictures.album import Album
from netwright.data.table import Table
from netwright.families.family import Family
from netwright.families.registry import find, fitting
from netwright.tasks.infer import asked_kind


def opened(sources: Sources, settings: Settings) -> tuple[Sources, Family]:
    """The sources, each read as a table or, not yet decoded, as an album of pictures; and the family that suits them.

    A table becomes an album where a column names or holds pictures and the family, if one is asked for, sees pictures;
    or where all its columns are pixels and the family sees nothing else by their names. Raises InputError for what is
    neither, and where data, family and task don't fit together.
    """
    family = find(settings.family) if settings.family is not None else None
    training = _open(sources.training, settings, family)
    data: DataKind = "image" if isinstance(training, Album) else "table"
    kind = asked_kind(settings.task) if settings.task else None
    chosen = fitting(settings.family, data, kind)
    others = {
        role: _open(source, settings, family if data == "table" else chosen, query=False)
        for role, source in (("validation", sources.validation), ("test", sources.test))
        if source is not None
    }
    for role, other in others.items():
        if isinstance(other, Album) != (data == "image"):
            raise InputError(
                f"The {role} source is of another kind than the training source.",
                got="pictures" if isinstance(other, Album) else "a table",
                wanted="pictures" if data == "image" else "a table",
                fix=f"Give --{role} in the form of the training source.",
            )
    return replace(sources, training=training, **others), chosen


def _open(source: object, settings: Settings, family: Family | None, *, query: bool = True) -> Table | Album:
    sees = family is None or "image" in family.fits
    both = family is not None and "table" in family.fits
    asked, exclude = settings.query if query else None, settings.exclude
    alone = family is not None and "table" not in family.fits
    return open_source(
        source,
        query=asked,
        target=settings.target,
        sees=sees,
        pixels=family is not None,
        called=both,
        sure=alone,
        exclude=exclude,
    )
