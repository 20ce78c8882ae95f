"""Tensors come back to the bit, and a file that we did not write is refused, whatever is in it."""

import json
import pickle
import struct

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.core.errors import ArtifactError
from netwright.core.tensors import from_bytes, strict_json, to_bytes

GOOD = to_bytes({"a": torch.arange(6.0).view(2, 3), "b.c": torch.tensor([1, 2])})


def made(header: object, body: bytes = b"", text: str | None = None) -> bytes:
    head = (json.dumps(header) if text is None else text).encode()
    return struct.pack("<Q", len(head)) + head + body


def entry(shape: object = (1,), offsets: object = (0, 4), dtype: object = "F32") -> dict:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


@pytest.mark.parametrize(
    "dtype",
    [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
     torch.uint8, torch.bool],
)  # fmt: skip
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3)])
def test_round_trip(dtype: torch.dtype, shape: tuple[int, ...]):
    tensor = (torch.randn(shape, generator=torch.Generator().manual_seed(0)) * 3).to(dtype)
    back = from_bytes(to_bytes({"x": tensor, "y": tensor}), "file")
    assert set(back) == {"x", "y"}
    for value in back.values():
        assert value.dtype == dtype and value.shape == tensor.shape and torch.equal(value, tensor)


def test_shared_strided_and_trained_tensors_are_written_as_they_look():
    base = torch.arange(12.0).view(3, 4)
    given = {"whole": base, "turned": base.T, "row": base[1], "weight": torch.nn.Parameter(base[:, 1:3])}
    back = from_bytes(to_bytes(given), "file")
    assert all(torch.equal(back[name], given[name]) for name in given)
    back["whole"].add_(1)
    assert torch.equal(back["row"], base[1]), "no two share memory"


def test_nothing_at_all_is_a_file_too():
    assert from_bytes(to_bytes({}), "file") == {}


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "truncated"),
        (b"\x00" * 7, "truncated"),
        (GOOD[:20], "truncated"),
        (GOOD[:-1], "bytes of tensors"),
        (GOOD + b"\x00", "bytes of tensors"),
        (struct.pack("<Q", 2**63) + b"{}", "truncated"),
        (pickle.dumps({"a": 1}), "pickle"),
        (b"PK\x03\x04" + GOOD, "pickle"),
        (made([]), "b'['"),
        (made(None), "b'n'"),
        (made({}, text="{"), "not JSON"),
        (made({}, text="[" * 100_000), "not JSON"),
        (made({}, text='{"a":1,"a":1}'), "a key stands twice"),
        (made({}, b"1234", text='{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}'), "twice"),
        (made({"../a": entry()}, b"1234"), "'../a'"),
        (made({"a/b": entry()}, b"1234"), "'a/b'"),
        (made({"a\\b": entry()}, b"1234"), "a"),
        (made({"..": entry()}, b"1234"), "'..'"),
        (made({" a": entry()}, b"1234"), "' a'"),
        (made({"a\x00": entry()}, b"1234"), "x00"),
        (made({"a\ud800": entry()}, b"1234"), "ud800"),
        (made({"a": entry((2**62, 8), (0, 0))}), "4611686018427387904"),
        (made({"a": entry((2**70, 0), (0, 0))}), "can't be read"),
        (made({"a": entry((2**40, 2**40, 0), (0, 0))}), "overflow"),
        (made({"a": entry((-1, -1))}, b"1234"), "-1"),
        (made({"a": entry((1.0,))}, b"1234"), "1.0"),
        (made({"a": entry((True,))}, b"1234"), "True"),
        (made({"a": entry(("a",))}, b"1234"), "a"),
        (made({"a": entry(None)}, b"1234"), "can't be read"),
        (made({"a": entry((2,))}, b"1234"), "[2]"),
        (made({"a": entry(offsets=(1, 5))}, b"12345"), "[1, 5]"),
        (made({"a": entry(offsets=(0.0, 4.0))}, b"1234"), "0.0"),
        (made({"a": entry(offsets=(False, 4))}, b"1234"), "False"),
        (made({"a": entry(offsets=(0, 4, 4))}, b"1234"), "can't be read"),
        (made({"a": entry(offsets=(-4, 0))}), "-4"),
        (made({"a": entry(), "b": entry()}, b"1234"), "entry"),
        (made({"a": entry(), "b": entry(offsets=(2, 6))}, b"123456"), "[2, 6]"),
        (made({"a": entry(), "b": entry(offsets=(5, 9))}, b"123456789"), "[5, 9]"),
        (made({"a": entry(dtype="F8_E4M3")}, b"1234"), "F8_E4M3"),
        (made({"a": entry(dtype=["F32"])}, b"1234"), "can't be read"),
        (made({"a": 7}, b"1234"), "can't be read"),
        (made({"a": {}}, b"1234"), "can't be read"),
        (made({"a": {**entry(), "more": 1}}, b"1234"), "more"),
        (made({"__metadata__": 7}), "expected a map"),
        (made({"__metadata__": {"a": 7}}), "expected a string"),
        (made({}, text=" {}"), "not JSON as we write it"),
        (struct.pack("<Q", 8) + "{}  ".encode("utf-16-le"), "not JSON as we write it"),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",
)  # fmt: skip
def test_a_strange_file_is_refused(data: bytes, word: str):
    with pytest.raises(ArtifactError) as error:
        from_bytes(data, "model.safetensors")
    assert "model.safetensors" in error.value.what and word in error.value.got
    assert str(error.value).count("fix:") == 1, "one error, not one inside another"


def only_our_error(data: bytes) -> None:
    try:
        from_bytes(data, "file")
    except ArtifactError as error:
        assert "\n" not in error.got


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes):
    only_our_error(data)
    only_our_error(struct.pack("<Q", len(data)) + data)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=3))
def test_any_bytes_put_into_a_good_file(place: int, patch: bytes):
    only_our_error(GOOD[:place] + patch + GOOD[place + len(patch) :])
    only_our_error(GOOD[:place] + patch + GOOD[place:])


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 9), st.integers(2**31, 2**70), st.floats(), st.text("ab/", max_size=2)
)
ENTRIES = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "U8", "BOOL", "F4", "BF16"]) | ODD,
        "shape": st.lists(st.integers(0, 3) | ODD, max_size=3) | ODD,
        "data_offsets": st.lists(st.integers(0, 9) | ODD, max_size=3) | ODD,
    }
)  # fmt: skip


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.dictionaries(st.text(max_size=3) | st.just("__metadata__"), ENTRIES | ODD, max_size=3), st.binary(max_size=9))
def test_any_header(header: dict, body: bytes):
    only_our_error(made(header, body))


@pytest.mark.parametrize("text", ["[1]", '"a"', "{'a': 1}", '{"a": 1, "a": 2}', '{"x": {"a": 1, "a": 2}}', "", "\xff"])
def test_strict_json_refuses(text: str):
    with pytest.raises(ArtifactError, match="manifest"):
        strict_json(text.encode("latin-1"), "manifest.json")


def test_strict_json_reads():
    assert strict_json(b'{"a": [1, {"b": null}]}', "x") == {"a": [1, {"b": None}]}
