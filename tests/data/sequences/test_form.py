"""Forms are of training sequences alone; encoding fills, scales and says so; later data is brought to the form."""

from pathlib import Path

import numpy as np
import pytest

from netwright.core.errors import InputError
from netwright.data.sequences.conform import conform_sequences
from netwright.data.sequences.encode import encode_sequences
from netwright.data.sequences.form import fit_form
from netwright.data.sequences.long import from_long
from netwright.data.sequences.read import read_sequences
from netwright.data.sequences.wide import from_wide
from netwright.data.sources.read import read

RANDOM = np.random.default_rng(0)


def test_statistics_are_of_training_rows_alone():
    parts = [RANDOM.normal(5, 3, (n, 2)) for n in (4, 7, 5, 9)]
    training = np.array([0, 2])
    form = fit_form(read_sequences(parts), training)
    both = np.concatenate([parts[0], parts[2]])
    np.testing.assert_allclose(form.mean, both.mean(0), rtol=1e-5)
    np.testing.assert_allclose(form.scale, both.std(0), rtol=1e-5)
    assert (form.shortest, form.length) == (4, 5)
    spoilt = [parts[0], parts[1] * 1e6, parts[2], np.full((500, 2), np.nan)]
    assert fit_form(read_sequences(spoilt), training) == form


def test_a_constant_channel_and_one_without_values():
    parts = [np.stack([np.full(6, 0.1), np.full(6, np.nan), np.arange(6.0)], 1)] * 3
    found = read_sequences(parts)
    form = fit_form(found, np.arange(3))
    assert form.scale[:2] == (1.0, 1.0) and form.mean[1] == 0.0 and form.scale[2] > 1
    values, lengths = encode_sequences(form, found).parts
    assert np.abs(values[:, :, :2]).max() < 1e-6 and values.dtype == np.float32 and lengths.tolist() == [6, 6, 6]


def test_gaps_lie_between_their_neighbours_and_are_told():
    found = read_sequences([np.array([np.nan, 2, np.nan, np.nan, 8, np.nan]), np.array([1.0, 3.0]), np.zeros(0)])
    form = fit_form(found, np.arange(3)).model_copy(update={"mean": (0.0,), "scale": (1.0,)})
    encoded = encode_sequences(form, found)
    assert encoded.parts[0][0, :, 0].tolist() == [2, 2, 4, 6, 8, 8]
    assert encoded.parts[0][1, :, 0].tolist() == [1, 3, 0, 0, 0, 0] and not encoded.parts[0][2].any()
    assert encoded.gaps == {"value": 4} and encoded.lengths[0].tolist() == [6, 2, 0] and encoded.lengths[1] is None
    told = " ".join(map(str, encoded.notices))
    assert "4 value(s) are missing in 1 of 3" in told and "no step at all" in told
    assert np.isnan(found.values[0, 0, 0]), "the sequences themselves stay as they are"


def test_a_sequence_too_long_to_be_meant():
    with pytest.raises(InputError, match="too long"):
        fit_form(read_sequences([np.zeros(100_001), np.zeros(3)]), np.array([0, 1]))


def test_later_data_is_read_as_training_was():
    long = read({"who": [1, 1, 2, 2], "t": [2, 1, 1, 2], "v": [1.0, 2, 3, 4], "y": ["a", "a", "b", "b"]})
    form = fit_form(from_long(long, id="who", target=["y"]), np.arange(2))
    more = read({"who": [9, 9, 9], "v": [1.0, 2, 3], "t": [3, 1, 2], "extra": [1, 2, 3]})
    found = conform_sequences(form, more, target=["y"])
    assert found.values[0, :, 0].tolist() == [2, 3, 1] and found.channels == ("v",)
    wide = read({"a": [1.0, 2, 3], "b": [1.0, 2, 4], "y": [0.5, 1, 2]})
    form = fit_form(from_wide(wide, ["y"]), np.arange(3))
    assert conform_sequences(form, wide, target=["y"]).values.shape == (3, 2, 1)
    assert conform_sequences(form, wide.without(["y"]), target=["y"], beside=["y"]).values.shape == (3, 2, 1)
    assert conform_sequences(form, np.zeros((2, 9, 1))).values.shape == (2, 9, 1)
    with pytest.raises(InputError, match="channels the network was trained on"):
        conform_sequences(form, np.zeros((2, 9, 2)))


def test_a_wide_table_is_read_by_the_names_of_its_steps():
    wide = read({"price": [7.0, 8, 9], "a": [1.0, 2, 3], "b": [1.0, None, 4], "c": [5.0, 6, 7], "y": ["u", "v", "u"]})
    found = from_wide(wide, ["y"], exclude=["price"])
    form = fit_form(found, np.arange(3))
    assert form.steps == ("a", "b", "c")
    reversed_ = read({name: wide[name].to_list() for name in reversed(wide.columns)} | {"later": [1.0, 2, 3]})
    for source in (wide, reversed_):
        again = conform_sequences(form, source, target=["y"])
        np.testing.assert_array_equal(again.values, found.values)
        assert not again.notices
    empty = conform_sequences(form, read({"b": [1.0, 2, 3], "a": [None] * 3, "c": [4.0, 5, 6]}))
    assert np.isnan(empty.values[:, 0]).all() and empty.lengths.tolist() == [3, 3, 3]
    words = conform_sequences(form, read({"b": ["x", "2", "3"], "a": [1.0] * 3, "c": [4.0, 5, 6]}))
    assert np.isnan(words.values[0, 1, 0]) and words.values[1, 1, 0] == 2
    assert any("'b' are no numbers" in str(notice) for notice in words.notices)
    with pytest.raises(InputError, match="columns that are the steps") as error:
        conform_sequences(form, wide.without(["b"]))
    assert "'b'" in str(error.value)


def test_channels_of_words_are_gaps_or_told():
    rows = {"who": [1, 1, 2, 2], "v": [1.0, 2, 3, 4], "w": [1.0, 2, 3, 5], "y": ["a", "a", "b", "b"]}
    form = fit_form(from_long(read(rows), id="who", target=["y"]), np.arange(2))
    found = conform_sequences(form, read(rows | {"w": ["x", "x", None, None]}), target=["y"])
    assert np.isnan(found.values[:, :, 1]).all() and any("no numbers" in str(notice) for notice in found.notices)
    with pytest.raises(InputError, match=r"'w'.* are no numbers"):
        conform_sequences(form, read(rows | {"w": ["x", "x", "z", "z"]}), target=["y"])


def test_many_are_encoded_in_parts(monkeypatch: pytest.MonkeyPatch):
    found = read_sequences([np.array([np.nan, 2.0, 4.0]), np.array([1.0, 3.0]), np.array([5.0])])
    form = fit_form(found, np.arange(3))
    whole = encode_sequences(form, found)
    monkeypatch.setattr("netwright.data.sequences.encode.AT_ONCE", 4)
    parts = encode_sequences(form, found)
    np.testing.assert_array_equal(parts.parts[0], whole.parts[0])
    assert parts.gaps == whole.gaps == {"value": 1}


def test_far_from_zero_nothing_is_lost(tmp_path: Path):
    near = np.round(RANDOM.normal(0, 1, (20, 12)), 3)
    for far in (0.0, 1.7e9):
        table = read({f"t{i}": (near[:, i] + far).tolist() for i in range(12)})
        rows = {"who": np.repeat(np.arange(20), 12), "v": (near + far).ravel()}
        lines = "\n".join(",".join(map(repr, (row + far).tolist())) for row in near)
        (tmp_path / "a.ts").write_text(f"@classLabel false\n@data\n{lines}\n")
        for found in (from_wide(table), from_long(read(rows), id="who"), read_sequences(near + far),
                      read_sequences(tmp_path / "a.ts"), read_sequences(list(near + far))):  # fmt: skip
            values = encode_sequences(fit_form(found, np.arange(20)), found).parts[0][:, :, 0]
            assert values.dtype == np.float32
            np.testing.assert_allclose(values, (near - near.mean()) / near.std(), atol=1e-5)
    assert read_sequences(near.astype(np.float32)).values.dtype == np.float32, "no room is wasted"


def test_values_too_large_to_be_meant_are_told():
    found = read_sequences(np.array([[1.0, 1e300, 2.0], [1.0, np.inf, 3.0]]))
    assert np.isnan(found.values[:, 1]).all() and "too large" in str(found.notices[0])
    assert np.isfinite(fit_form(found, np.arange(2)).scale[0])
