"""Any tree of plain values and tensors comes back as it was, by way of JSON."""

import json
import math

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


def test_a_packed_tensor_is_a_copy():
    tensor = torch.zeros(3)
    _, tensors = pack({"x": tensor})
    tensor.fill_(1)
    assert not tensors["t0"].any()


def test_what_cannot_be_kept_is_refused():
    with pytest.raises(TypeError, match="can't hold a set"):
        pack({"x": [{1, 2}]})


@pytest.mark.parametrize("value", [{"what": 1}, {}, {"a": 1, "b": 2}, {"tensor": "none"}, {"float": "x"}])
def test_what_was_not_packed_is_refused(value: object):
    with pytest.raises((ValueError, KeyError)):
        unpack(value, {})


def test_random_streams_go_on_where_they_were():
    state = there_and_back(random_state())
    first = torch.rand(5)
    set_random_state(state)
    assert torch.equal(torch.rand(5), first)
