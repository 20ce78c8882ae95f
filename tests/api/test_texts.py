"""Tables with columns of texts: what is read, what may be asked, and what stays on one side of the split."""

from pathlib import Path

import numpy as np
import pytest

import netwright as nw
from netwright.api.opening import opened
from netwright.api.rows import Rows, Sources, gather
from netwright.core.settings import Settings

REVIEWS = {
    "review": [
        f"the room was {'lovely and warm' if i % 2 else 'dirty and cold'} in week {i % 100}" for i in range(120)
    ],
    "guest": [f"guest {i}" for i in range(120)],
    "stars": ["good" if i % 2 else "bad" for i in range(120)],
}


def gathered(table: dict[str, list], **asked: object) -> Rows:
    settings = Settings(source="table", **({"target": "stars"} | asked))
    sources, data, family = opened(Sources(training=table), settings)
    assert data == "text"
    return gather(sources, settings, family)


def test_equal_texts_stay_on_one_side_whatever_stands_beside_them():
    rows = gathered(REVIEWS)
    assert rows.schema.data == "text" and [c.name for c in rows.schema.texts] == ["review"]
    texts = rows.table["review"].to_numpy()
    held, fitting = set(texts[rows.split.test]), set(texts[rows.split.fitting])
    assert held and not held & fitting and "equal texts" in rows.split.reason


def test_the_family_says_what_is_read():
    settings = Settings(source="table", target="stars", family="tabular")
    assert opened(Sources(training=REVIEWS), settings)[1] == "table"
    linear = gathered(REVIEWS, family="lstm")
    assert linear.schema.data == "text"


@pytest.mark.parametrize(
    ("asked", "match", "fix"),
    [
        ({"kinds": {"stars": "text"}}, "can't be read as a text", "Leave one"),
        ({"kinds": {"review": "text"}, "exclude": "review"}, "can't be read as a text", "Leave one"),
        ({"kinds": {"revue": "text"}}, "no column called", "review"),
        ({"family": "bert"}, "Which network is to be trained on", "--pretrained"),
        ({"family": "lstm", "pretrained": "somewhere"}, "Only the family bert", "--pretrained"),
    ],
)
def test_what_can_not_be_asked_for(asked: dict, match: str, fix: str, tmp_path: Path):
    with pytest.raises(nw.InputError, match=match) as error:
        nw.train(REVIEWS, output=tmp_path / "run", **({"target": "stars"} | asked))
    assert fix in error.value.fix


def test_a_table_without_texts_is_not_read():
    numbers = {"x": np.sin(np.arange(60.0)).tolist(), "y": ["a", "b"] * 30}
    settings = Settings(source="table", target="y")
    sources, _, family = opened(Sources(training=REVIEWS), Settings(source="table", target="stars"))
    with pytest.raises(nw.InputError, match="reads texts, and") as error:
        gather(Sources(training=numbers), settings, family)
    assert "--kind" in error.value.fix and sources.training is not None
