"""Any tree of plain values and tensors comes back as it was, by way of JSON."""

import json
import math
from collections import Counter, OrderedDict, defaultdict, deque

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from netwright.core.tensors import from_bytes, to_bytes
from netwright.engine.pack import pack, random_state, set_random_state, unpack


def there_and_back(tree: object) -> object:
    values, tensors = pack(tree)
    return unpack(json.loads(json.dumps(values, allow_nan=False)), from_bytes(to_bytes(tensors), "state"))


def same(a: object, b: object) -> bool:
    if type(a) is not type(b):
        return False
    match a, b:
        case Tensor(), Tensor():
            return a.dtype == b.dtype and torch.equal(a, b)
        case dict(), dict():
            return list(a) == list(b) and all(same(a[key], b[key]) for key in a) and all(map(same, a, b))
        case (list(), list()) | (tuple(), tuple()):
            return len(a) == len(b) and all(map(same, a, b))
        case float(), float():
            return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))
    return a == b


TENSORS = st.sampled_from([torch.tensor(3), torch.zeros(0, 2), torch.eye(2, dtype=torch.float64), torch.tensor([True])])
KEYS = st.text(max_size=3) | st.integers() | st.booleans() | st.none() | st.tuples(st.integers(), st.text(max_size=2))
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | TENSORS
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple) | st.dictionaries(KEYS, inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(TREES)
def test_any_tree(tree: object):
    assert same(there_and_back(tree), tree)


@pytest.mark.parametrize(
    "tree",
    [
        {"tensor": "t0"},
        {"dict": 1},
        {1: "a", "1": "b"},
        [math.inf, -math.inf, math.nan, -0.0, 1e-320],
        {(0.9, 0.999): ({},)},
        {"a": (torch.tensor(1.0, requires_grad=True).detach(), [()])},
    ],
)
def test_trees_that_json_alone_would_bend(tree: object):
    assert same(there_and_back(tree), tree)


@pytest.mark.parametrize(
    "tree",
    [
        Counter({30: 2, 80: 1}),
        defaultdict(int, {3: 4}),
        defaultdict(None, {"a": [1]}),
        OrderedDict([("b", 1), ("a", (2,))]),
        deque([1.5, math.inf], maxlen=3),
        deque(),
        {1, 2},
        frozenset({(1, "a")}),
        1 - 2j,
        torch.bfloat16,
        [np.float64(0.1), np.float32(math.inf), np.int64(-3), np.bool_(True)],
    ],
)
def test_containers_and_numbers_of_every_kind_come_back_as_they_were(tree: object):
    back = there_and_back({"x": [tree]})["x"][0]
    assert type(back) is type(tree) and repr(back) == repr(tree)
    if isinstance(tree, list):
        assert [type(x) for x in back] == [type(x) for x in tree]


def test_an_array_comes_back():
    for array in (np.arange(6, dtype=np.uint32).reshape(2, 3), np.array(2.5), np.ones((2, 2), order="F")):
        back = there_and_back(array)
        assert back.dtype == array.dtype and back.shape == array.shape and (back == array).all()


RARE = [torch.complex64, torch.complex128, torch.float8_e4m3fn, torch.float8_e5m2]


@pytest.mark.parametrize("dtype", RARE)
@pytest.mark.parametrize("shape", [(), (3,), (0, 2), (2, 3)])
def test_tensors_of_rare_types_come_back_by_their_bytes(dtype: torch.dtype, shape: tuple):
    tensor = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(dtype)
    back = there_and_back(tensor)
    assert back.dtype == dtype and back.shape == tensor.shape
    assert torch.equal(back.flatten().view(torch.uint8), tensor.flatten().view(torch.uint8))
    if dtype.is_complex:
        assert torch.equal(there_and_back(tensor.conj()), tensor.conj())


def test_a_tensor_lies_in_memory_as_it_lay():
    images = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    for tensor in (
        images.to(memory_format=torch.channels_last),
        images.transpose(0, 3),
        images[:, ::2],
        images[0, 0].t(),
    ):
        back = there_and_back(tensor)
        assert torch.equal(back, tensor) and back.stride() == torch.empty_like(tensor).stride()


@pytest.mark.parametrize(
    "tree", [len, object(), np.datetime64("2020"), defaultdict(lambda: 3), torch.eye(2).to_sparse()]
)
def test_what_cannot_be_kept_is_refused(tree: object):
    with pytest.raises(TypeError, match="can't hold a"):
        pack({"x": [tree]})


ODD = [{"what": 1}, {}, {"a": 1, "b": 2}, {"tensor": "none"}, {"float": "x"}, {"dtype": "load"}, {"scalar": ["O", 1]}]


@pytest.mark.parametrize("value", [*ODD, {"defaultdict": ["exec", {"dict": []}]}, {"dict": [[[], 1]]}])
def test_what_was_not_packed_is_refused(value: object):
    with pytest.raises((ValueError, KeyError, TypeError)):
        unpack(value, {})


def test_random_streams_go_on_where_they_were():
    state = there_and_back(random_state())
    first = torch.rand(5)
    set_random_state(state)
    assert torch.equal(torch.rand(5), first)
