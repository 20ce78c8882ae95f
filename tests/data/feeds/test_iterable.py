"""Batches that somebody gives: in their order, once an epoch, on a thread where that changes nothing."""

import functools
import threading

import numpy as np
import pytest
import torch

from netwright.core.errors import InputError
from netwright.data.feeds.feed import feed
from netwright.data.feeds.iterable import Given
from tests.data.feeds.hand import repeats, same, seeks

BATCHES = [(torch.full((4, 2), float(i)), torch.full((4,), i)) for i in range(6)]


def made(data):
    return feed(data, batch_size=32, shuffle=True, drop_last=False, device="cpu")


class Again:
    """Begins anew each time."""

    def __iter__(self):
        return iter(BATCHES)


class Drawn:
    """Batches drawn from torch's stream."""

    def __iter__(self):
        return (torch.randn(3, 2) for _ in range(5))


@pytest.mark.parametrize("data", [BATCHES, Again(), lambda: iter(BATCHES)])
def test_the_batches_are_given_on(data):
    given = made(data)
    assert isinstance(given, Given)
    assert given.steps == (6 if data is BATCHES else None)
    repeats(data if not callable(data) else BATCHES, given)
    seeks(given)


def test_batches_drawn_from_torch_are_those_of_the_loop_by_hand():
    repeats(Drawn(), made(Drawn()))


def test_any_form_and_arrays_become_tensors_on_the_device():
    frozen = np.arange(4)
    frozen.flags.writeable = False
    names = np.array(["a", "b"])
    packed = torch.nn.utils.rnn.pack_sequence([torch.arange(3.0), torch.arange(2.0)])
    batch = {"x": np.ones((4, 2)), "y": [frozen, frozen.astype(">i4")], "names": names, "z": packed, "n": 3, "t": "s"}
    (got,) = made(lambda: iter([batch])).epoch(0)
    assert got["x"].dtype == torch.float64 and same(got["y"], [torch.arange(4), torch.arange(4, dtype=torch.int32)])
    assert got["names"] is names and got["n"] == 3 and got["t"] == "s"
    assert torch.equal(got["z"].data, packed.data) and got["z"].batch_sizes.tolist() == [2, 2, 1]


def test_an_iterator_serves_one_epoch():
    given = made(iter(BATCHES))
    assert given.steps is None and same(list(given.epoch(given.draw())), BATCHES)
    with pytest.raises(InputError, match="without calling it"):
        given.epoch(given.draw())


def test_an_iterator_is_gone_on_with():
    assert same(list(made(iter(BATCHES)).epoch(0, 4)), BATCHES[4:])


def test_nothing_in_it_is_an_error():
    with pytest.raises(InputError, match="The list of batches is empty"):
        made([])
    with pytest.raises(InputError, match="gave no batch"):
        list(made(lambda: iter([])).epoch(0))
    assert list(made(BATCHES).epoch(0, 6)) == []


@pytest.mark.parametrize(
    ("data", "match"),
    [
        ([torch.ones(3, 2), torch.ones(3)], r"Write \(x, y\)"),
        ([(torch.ones(2), 1), (torch.ones(2), 0)], "DataLoader"),
        ([(torch.ones(2), torch.tensor(1))], "DataLoader"),
        ([[1.0, 2.0], [3.0, 4.0]], "DataLoader"),
        (["a", "b"], r"data\[0\]"),
        (lambda x: x, "functools.partial"),
        (Again, "can't be cut"),
    ],
)
def test_what_is_not_clearly_batches_is_asked_about(data, match):
    with pytest.raises(InputError, match=match):
        made(data)


def test_a_function_that_gives_no_iterator():
    with pytest.raises(InputError, match="yield"):
        list(made(lambda: 5).epoch(0))
    assert len(list(made(functools.partial(iter, BATCHES)).epoch(0))) == 6


def test_an_error_in_the_iterable_comes_through_and_no_thread_stays():
    def broken():
        yield from BATCHES[:3]
        raise ValueError("row 7 is damaged")

    got = []
    with pytest.raises(ValueError, match="row 7"):
        for batch in made(broken).epoch(0):
            got.append(batch)
    assert same(got, BATCHES[:3])
    assert "netwright-ahead" not in {thread.name for thread in threading.enumerate()}
