"""Forms are of training sequences alone; encoding fills, scales and says so; later data is brought to the form."""

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
    assert conform_sequences(form, wide.without(["y"]), target=["y"], beside=["b"]).values.shape == (3, 1, 1)
    assert conform_sequences(form, np.zeros((2, 9, 1))).values.shape == (2, 9, 1)
    with pytest.raises(InputError, match="channels the network was trained on"):
        conform_sequences(form, np.zeros((2, 9, 2)))
