"""Sequences come in many forms; each is read, and what is none of them is refused."""

from pathlib import Path

import numpy as np
import pytest
import torch

from netwright.core.errors import InputError, InputTypeError
from netwright.data.sequences.collection import padded
from netwright.data.sequences.join import join
from netwright.data.sequences.long import from_long
from netwright.data.sequences.read import holds_sequences, may_be_sequences, read_sequences
from netwright.data.sequences.wide import from_wide
from netwright.data.sources.read import read

X = np.arange(24, dtype=np.float32).reshape(4, 3, 2)
Y = ["a", "b", "a", "b"]
TS = "@classLabel true a b\n@data\n1,2,3:a\n4,5:b\n"


def test_arrays_tensors_and_lists():
    for source in (X, torch.from_numpy(X), list(X), (X, Y), (list(X), Y), {"x": X, "y": np.array(Y)}):
        found = read_sequences(source)
        np.testing.assert_array_equal(found.values, X)
        assert found.channels == ("channel 1", "channel 2") and found.lengths.tolist() == [3] * 4
    assert read_sequences((X, Y)).table["label"].to_list() == Y and read_sequences((X, Y)).classes
    assert read_sequences((X, Y), target="kind").target == "kind"
    assert not read_sequences((X, np.array([0.5, 1, 2, 3]))).classes
    assert read_sequences(X[:, :, 0]).values.shape == (4, 3, 1) and read_sequences(X).target is None
    uneven = read_sequences([np.ones(3), np.ones(5), np.zeros((0,))])
    assert uneven.lengths.tolist() == [3, 5, 0] and np.isnan(uneven.values[0, 3:]).all()
    assert read_sequences(read_sequences(X)).values is not None


def test_numpy_files(tmp_path: Path):
    np.savez(tmp_path / "a.npz", x=X, y=[0, 1, 0, 1], lengths=[3, 2, 1, 0])
    assert holds_sequences(tmp_path / "a.npz") and not holds_sequences(tmp_path / "missing.npz")
    found = read_sequences(tmp_path / "a.npz")
    assert found.lengths.tolist() == [3, 2, 1, 0] and np.isnan(found.values[1, 2:]).all() and found.classes
    np.savez(tmp_path / "b.npz", x_train=X, y_train=Y, x_test=X[:2, :2], y_test=Y[:2])
    found = read_sequences(tmp_path / "b.npz")
    assert not holds_sequences(tmp_path / "b.npz"), "they may be pictures"
    assert len(found) == 6 and found.given["test"].tolist() == [4, 5] and found.lengths.tolist() == [3] * 4 + [2] * 2
    np.savez(tmp_path / "d.npz", x=X, y=Y, x_val=X[:1], y_val=Y[:1], x_test=X[:2], y_test=Y[:2])
    found = read_sequences(tmp_path / "d.npz")
    assert {role: rows.tolist() for role, rows in found.given.items()} == {"validation": [4], "test": [5, 6]}
    assert found.table["label"].to_list() == [*Y, "a", "a", "b"]
    np.save(tmp_path / "c.npy", X)
    assert read_sequences(tmp_path / "c.npy").values.shape == X.shape
    assert holds_sequences({"x": X, "lengths": [1, 2, 3, 3]}) and not holds_sequences({"x": X})


def test_folders_of_the_archive(tmp_path: Path):
    (tmp_path / "Ours_TRAIN.ts").write_text(TS)
    assert holds_sequences(tmp_path) and holds_sequences(str(tmp_path / "Ours_TRAIN.ts"))
    assert len(read_sequences(tmp_path)) == 2 and not read_sequences(tmp_path).given
    (tmp_path / "Ours_TEST.ts").write_text(TS + "6:a\n")
    found = read_sequences(tmp_path)
    assert found.given["test"].tolist() == [2, 3, 4] and found.lengths.tolist() == [3, 2, 3, 2, 1]
    (tmp_path / "Other_TEST.ts").write_text(TS)
    with pytest.raises(InputError, match="Which files"):
        read_sequences(tmp_path)
    assert not holds_sequences(tmp_path / "nothing") and not holds_sequences(3) and holds_sequences(found)


def test_what_is_refused():
    for wrong in (np.zeros(3), np.zeros((2, 3, 4, 5)), np.zeros((0, 3, 1)), [np.zeros((2, 1)), np.zeros((2, 3))],
                  [np.zeros((2, 2)), np.array(["a", "b"])], {"x": np.zeros(3)}):  # fmt: skip
        with pytest.raises(InputError, match="can't be read as sequences"):
            read_sequences(wrong)
    for wrong in (3, [], [1, 2], None):
        with pytest.raises(InputTypeError, match="nothing that sequences"):
            read_sequences(wrong)
    for lengths in ([1, 2, 3], [1, 2, 3, 4], [1, 2, 3, -1], [1, 2, 3, 0.5]):
        with pytest.raises(InputError, match="lengths do not fit"):
            read_sequences({"x": X, "lengths": np.array(lengths)})
    with pytest.raises(InputError, match="as many labels"):
        read_sequences({"x": X, "y": np.array([1, 2])})
    with pytest.raises(InputError, match="channels of"):
        join([read_sequences(X), read_sequences(X[:, :, :1])])


def test_what_may_be_sequences():
    for source in (X, X[:, :, 0], torch.from_numpy(X), list(X), [np.ones(3), np.ones(5)], (X, Y), (X[:, :, 0], Y),
                   (list(X), Y), {"x": X, "y": Y}, read_sequences(X)):  # fmt: skip
        assert may_be_sequences(source) and read_sequences(source) is not None
    for source in (np.zeros(3), np.zeros((2, 3, 4, 5)), [], [1, 2], 3, None, "a.ts", {"x": [1, 2]}, (X, Y[:2])):
        assert not may_be_sequences(source)


def test_sources_whose_columns_are_others_are_not_joined():
    wide = {"a": [1.0, 2.0], "b": [3.0, 4.0], "c": [5.0, 6.0]}
    first = from_wide(read(wide))
    assert len(join([first, from_wide(read(wide), steps=first.steps)])) == 4
    for other in (dict(reversed(wide.items())), {"a": [1.0], "b": [3.0]}):
        with pytest.raises(InputError, match="The steps of"):
            join([first, from_wide(read(other))])
    long = {"who": [1, 1, 2, 2], "v": [1.0, 2, 3, 4], "w": [1.0, 2, 3, 5]}
    with pytest.raises(InputError, match="The channels of"):
        join([from_long(read(x), id="who") for x in (long, dict(reversed(long.items())))])


def test_sequences_that_do_not_fit_in_memory(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("netwright.data.sequences.collection.available_memory", lambda: 1000)
    with pytest.raises(InputError, match="do not fit in memory"):
        padded([np.zeros((1000, 1)), np.zeros((1, 1))], "ours")


def test_equal_sequences_have_equal_digests():
    found = read_sequences([np.ones(3), np.ones(4), np.ones(3), np.array([1, 1, np.nan])])
    digests = found.digests()
    assert digests[0] == digests[2] and len(set(digests.tolist())) == 3
    assert (found.take(np.array([2, 0])).digests() == digests[[2, 0]]).all()
