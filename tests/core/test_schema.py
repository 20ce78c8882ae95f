"""The names of what a network is fed, and the schema as JSON."""

from netwright.core.cells import CellType
from netwright.core.schema import CategoryColumn, LeftOutColumn, NumberColumn, Schema, TimeColumn

NUMBER = {"cell": CellType(kind="number"), "why": "", "center": 0.0, "scale": 1.0, "lowest": -1.0, "highest": 1.0}
TEXT = {"cell": CellType(kind="string"), "why": ""}
SCHEMA = Schema(
    columns=(
        CategoryColumn(name="c", values=("x", "y"), missing=2, **TEXT),
        NumberColumn(name="a", missing=1, **NUMBER),
        LeftOutColumn(name="id", kind="id", **TEXT),
        TimeColumn(name="t", parts=("hour", "month"), missing=3, **NUMBER),
        CategoryColumn(name="d", values=(), **TEXT),
        NumberColumn(name="b", quantiles=(0.0, float("inf")), **NUMBER),
    )
)


def test_features_follow_the_columns():
    waves = [f"t: {wave} of {part}" for part in ("hour", "month") for wave in ("sine", "cosine")]
    assert list(SCHEMA.number_features) == ["a", "a is missing", "t: elapsed", *waves, "t is missing", "b"]
    assert SCHEMA.cardinalities == (4, 1), "unseen, the values, missing where training had any"
    assert [c.name for c in SCHEMA.left_out] == ["id"] and len(SCHEMA.used) == 5


def test_json_and_back():
    assert Schema.model_validate_json(SCHEMA.model_dump_json()) == SCHEMA
