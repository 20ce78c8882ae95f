"""What a network for forecasts is fed, as the schema tells it."""

from netwright.core.forms import SeriesForm
from netwright.core.schema import Schema, TimeColumn


def form_of(schema: Schema) -> SeriesForm:
    """What is known of the series."""
    assert isinstance(schema.form, SeriesForm)
    return schema.form


def known_ahead(schema: Schema) -> int:
    """K, numbers known of each step ahead: the known columns, and sine and cosine of the parts of the time column."""
    form = form_of(schema)
    waves = sum(2 * len(c.parts) for c in schema.columns if isinstance(c, TimeColumn) and c.name == form.time)
    return len(form.known) + waves


def beside(schema: Schema) -> int:
    """P, columns of the past that are no targets."""
    form = form_of(schema)
    return len(form.past) + len(form.known)
