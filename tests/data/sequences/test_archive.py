"""`.ts` files: what was written is read back, and every fault is named with its line."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netwright.core.errors import InputError
from netwright.data.sequences.archive import read_archive

HEADER = "# of ours\n@problemName Ours\n@timeStamps false\n@univariate {one}\n{more}@classLabel true a b\n@data\n"
number = st.floats(-1e6, 1e6, width=32)
one = st.lists(st.one_of(number, st.none()), min_size=1, max_size=6)


def labelled(channels: int) -> st.SearchStrategy:
    return st.tuples(st.lists(one, min_size=channels, max_size=channels), st.sampled_from("ab"))


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 3).flatmap(lambda c: st.lists(labelled(c), min_size=1, max_size=5)))
def test_what_was_written_is_read_back(tmp_path: Path, rows: list):
    lines = [":".join([",".join("?" if v is None else repr(v) for v in c) for c in row] + [y]) for row, y in rows]
    channels = len(rows[0][0])
    header = HEADER.format(one=str(channels == 1).lower(), more=f"@dimensions {channels}\n")
    found = read_archive(written(tmp_path / "x.ts", header + "\n".join(lines)))
    assert found.table["class"].to_list() == [y for _, y in rows] and found.target == "class" and found.classes
    assert found.lengths.tolist() == [max(map(len, row)) for row, _ in rows]
    for i, (row, _) in enumerate(rows):
        for c, channel in enumerate(row):
            wanted = np.array([np.nan if v is None else v for v in channel], dtype=np.float32)
            np.testing.assert_array_equal(found.values[i, : len(channel), c], wanted)
            assert np.isnan(found.values[i, len(channel) :, c]).all()


FAULTS = {
    "no data": ("@problemName x\n@classLabel false\n", "@data is missing"),
    "empty": ("", "@data is missing"),
    "no rows": ("@classLabel false\n@data\n", "no sequences"),
    "rows first": ("@classLabel false\n1,2,3\n@data\n", "line 2: the sequences begin before"),
    "labels not said": ("@problemName x\n@data\n1,2:a\n", "whether there are labels"),
    "not a truth": ("@univariate perhaps\n@classLabel false\n@data\n1,2\n", "line 1: the header is broken"),
    "no truth": ("@classLabel\n@data\n1,2\n", "line 1: the header is broken"),
    "not a count": ("@dimensions 2.5\n@classLabel false\n@data\n1:2\n", "line 1: the header is broken"),
    "no count": ("@classLabel false\n@seriesLength\n@data\n1:2\n", "line 2: the header is broken"),
    "huge count": ("@classLabel false\n@seriesLength 99999999999999\n@data\n1:2\n", "line 2: the header is broken"),
    "no label": ("@classLabel true a b\n@data\n1,2,3\n", "line 3: the sequence has no label"),
    "unknown label": ("@classLabel true a b\n@data\n1,2,3:c\n", "line 3: the sequence has no label"),
    "label no number": ("@targetLabel true\n@data\n1,2,3:c\n", "line 3: the label is no number"),
    "channels": ("@classLabel true a b\n@data\n1:2:a\n# said\n1:a\n", "line 5: the sequence has not as many channels"),
    "dimensions": ("@dimensions 3\n@classLabel false\n@data\n1:2\n", "line 4: the sequence has not as many channels"),
    "cell": ("@classLabel false\n@data\n1,2,x,4\n", "line 3, channel 1: step 3 is no number"),
    "nul": ("@classLabel false\n@data\n1,\x00,4\n", "line 3, channel 1: step 2 is no number"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_named_with_its_line(tmp_path: Path, fault: str):
    text, words = FAULTS[fault]
    with pytest.raises(InputError) as caught:
        read_archive(written(tmp_path / "broken.ts", text))
    assert words in str(caught.value) and "broken.ts" in str(caught.value)


def test_odd_but_readable(tmp_path: Path):
    text = "\ufeff@PROBLEMNAME x\n@seriesLength 3\n@equalLength true\n@TargetLabel True\n@data\n1,,3:1.5\r\n1e60,2:?\n"
    found = read_archive(written(tmp_path / "odd.ts", text), target="y")
    assert found.target == "y" and not found.classes and found.table["y"].to_list() == [1.5, None]
    assert found.lengths.tolist() == [3, 2] and np.isnan(found.values[0, 1, 0]) and np.isnan(found.values[1, 0, 0])
    said = " ".join(str(notice) for notice in found.notices)
    assert "infinite" in said and "not of the 3 steps" in said and "number 2" in said


def test_time_stamps_are_told(tmp_path: Path):
    text = "@timeStamps true\n@classLabel true a b\n@data\n(2007-01-01 00:00:00,1.5),(2007-01-01 00:01:00,?):(1,7):a\n"
    found = read_archive(written(tmp_path / "stamped.ts", text))
    assert found.lengths.tolist() == [2] and found.values[0, 0].tolist() == [1.5, 7.0]
    assert "time stamps" in str(found.notices[0])


def test_bytes_that_are_no_utf8_and_a_file_that_is_not_there(tmp_path: Path):
    path = tmp_path / "latin.ts"
    path.write_bytes("# für uns\n@classLabel true ä b\n@data\n1,2:ä\n".encode("latin-1"))
    assert read_archive(path).table["class"].to_list() == ["ä"]
    with pytest.raises(InputError, match="can't be opened"):
        read_archive(tmp_path / "none.ts")
