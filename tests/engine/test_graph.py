"""A segment handed to torch's executor gives the numbers of its operators run one by one."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from netwright.engine.graph import as_written, compile_segment, crossing, wanted
from netwright.engine.program import Call, Segment, Value
from netwright.engine.recording import Refused, record
from tests.engine.strange import SIZE, X, Y, made
from tests.engine.test_recording import BATCH, FORWARDS, built, job_of, ran, slots

INPUT = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))


def segment(*calls: Call, loss: int = 9, **rest: Any) -> Segment:
    defaults = {"weight": None, "figures": (), "gradients": ()}
    return Segment(phase="loss", calls=calls, loss=Value(loss), **defaults | rest)


def run(*calls: Call, inputs: dict[int, Tensor], outputs: list[int]) -> tuple:
    with torch.no_grad(), as_written():
        return compile_segment(segment(*calls), list(inputs), outputs)(*inputs.values())


CALLS: list[tuple[str, str, tuple, Any]] = [
    ("aten::relu", "", (Value(0),), torch.relu),
    ("aten::add", "Tensor", (Value(0), Value(0), 2), lambda x: x + 2 * x),
    ("aten::add", "Tensor", (Value(0), 1.5, 1), lambda x: x + 1.5),
    ("aten::mul", "Tensor", (Value(0), 3), lambda x: x * 3),
    ("aten::sum", "dim_IntList", (Value(0), (0,), True, None), lambda x: x.sum(0, keepdim=True)),
    ("aten::sum", "", (Value(0), torch.float64), lambda x: x.sum(dtype=torch.float64)),
    ("aten::clamp", "", (Value(0), -0.5, None), lambda x: x.clamp(min=-0.5)),
    ("aten::cat", "", ((Value(0), Value(0)), 1), lambda x: torch.cat([x, x], 1)),
    ("aten::_to_copy", "", (Value(0), torch.float64, None, None, None, False, None), lambda x: x.double()),
    ("aten::gelu", "", (Value(0), "none"), F.gelu),
    ("aten::gelu", "", (Value(0), "tanh"), lambda x: F.gelu(x, approximate="tanh")),
    (
        "aten::index",
        "Tensor",
        (Value(0), (None, Value(1))),
        lambda x: x[:, torch.tensor([2, 0])],
    ),
    (
        "aten::full",
        "",
        ((2, 3), 7.25, torch.float32, torch.strided, torch.device("cpu"), False),
        lambda x: torch.full((2, 3), 7.25),
    ),
    ("aten::clone", "", (Value(0), torch.contiguous_format), torch.clone),
    ("aten::constant_pad_nd", "", (Value(0), (1, 1), 1e-30), lambda x: F.pad(x, (1, 1), value=1e-30)),
]


@pytest.mark.parametrize(("operator", "overload", "arguments", "function"), CALLS)
def test_every_kind_of_argument_has_words(operator: str, overload: str, arguments: tuple, function: Any):
    call = Call(operator, overload, arguments, (Value(9),))
    used = {0: INPUT} | ({1: torch.tensor([2, 0])} if Value(1) in arguments[-1:] or "index" in operator else {})
    (out,) = run(call, inputs=used, outputs=[9])
    assert torch.equal(out, function(INPUT)) and out.dtype == function(INPUT).dtype


def test_lists_of_results_are_taken_apart():
    call = Call("aten::split", "Tensor", (Value(0), 2, 1), ((Value(3), Value(4)),))
    first, second = run(call, inputs={0: INPUT}, outputs=[3, 4])
    assert torch.equal(torch.cat([first, second], 1), INPUT)


def test_several_results_and_those_nobody_wants():
    call = Call("aten::max", "dim", (Value(0), 1, False), (Value(3), Value(4)))
    assert torch.equal(run(call, inputs={0: INPUT}, outputs=[4])[0], INPUT.max(1).indices)


def test_an_operator_in_place_changes_what_it_is_given():
    tensor = INPUT.clone()
    call = Call("aten::mul_", "Tensor", (Value(0), 2), (Value(0),))
    after = Call("aten::relu", "", (Value(0),), (Value(9),))
    (out,) = run(call, after, inputs={0: tensor}, outputs=[9])
    assert torch.equal(tensor, INPUT * 2) and torch.equal(out, (INPUT * 2).relu())


@pytest.mark.parametrize("bound", [math.inf, -math.inf, math.nan])
def test_numbers_without_bound_are_written_too(bound: float):
    call = Call("aten::masked_fill", "Scalar", (Value(0), Value(1), bound), (Value(9),))
    mask = INPUT > 0
    (out,) = run(call, inputs={0: INPUT, 1: mask}, outputs=[9])
    assert torch.equal(out.nan_to_num(7.0), INPUT.masked_fill(mask, bound).nan_to_num(7.0))


def test_what_has_no_words_is_refused():
    for value in (1 + 2j, torch.complex64):
        with pytest.raises(Refused, match="no constant"):
            compile_segment(segment(Call("aten::clamp", "", (Value(0), value, None), (Value(9),))), [0], [9])
    with pytest.raises(Refused, match="number where it takes a tensor"):
        compile_segment(segment(Call("aten::mm", "", (Value(0), 2), (Value(9),))), [0], [9])
    with pytest.raises(Refused, match="executor does not take it"):
        compile_segment(segment(Call("aten::relu", "", (Value(5),), (Value(9),))), [0], [9])


def test_the_executors_setting_comes_back():
    before = torch._C._get_graph_executor_optimize()
    with pytest.raises(KeyError), as_written():
        assert not torch._C._get_graph_executor_optimize()
        raise KeyError
    assert torch._C._get_graph_executor_optimize() == before


@pytest.mark.parametrize("name", FORWARDS)
def test_a_recorded_step_gives_the_bits_of_its_operators(name: str):
    job = job_of(made(lambda: built(FORWARDS[name])))
    program, constants = record(job, BATCH, job.phases)
    given = slots(job, program, BATCH) | constants
    ((inputs, outputs),) = crossing(program.segments, given.keys())
    stream = torch.get_rng_state()
    expected = ran(program, dict(given))
    torch.set_rng_state(stream)
    with torch.no_grad(), as_written():
        results = compile_segment(program.segments[0], inputs, outputs)(*[given[n] for n in inputs])
    for number, result in zip(outputs, results, strict=True):
        assert torch.equal(result, expected[number])


def test_what_a_segment_is_run_for():
    own = segment(loss=1, weight=Value(2), figures=(("f", Value(3)),), gradients=(Value(4), None))
    assert wanted(own) == [Value(1), Value(2), Value(3), Value(4)]
    assert wanted(segment(loss=1, weight=2.0)) == [Value(1)]


def test_what_crosses_from_segment_to_segment():
    shared = Call("aten::relu", "", (Value(0),), (Value(3),))
    first = segment(shared, Call("aten::sum", "", (Value(3), None), (Value(4),)), loss=4)
    second = segment(Call("aten::mul", "Tensor", (Value(3), Value(7)), (Value(5),)), loss=5, gradients=(Value(1),))
    assert crossing([first, second], {0, 1, 7}) == [([0], [3, 4]), ([1, 3, 7], [1, 5])]


def test_a_constant_that_was_seen_after_results_is_still_given():
    scale = torch.tensor([2.0])
    job = job_of(made(lambda: built(lambda m, x: m.out(torch.relu(x + 1) * scale) * scale)))
    program, constants = record(job, BATCH, job.phases)
    ((inputs, _),) = crossing(program.segments, {*range(len(program.slots)), *constants})
    assert set(constants) <= set(inputs) and min(constants) > len(program.slots)


def test_undefined_results_are_passed_over():
    class Frozen(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.out = nn.Conv1d(1, 2, 3), nn.Linear(4, 1)
            self.conv.weight.requires_grad_(False)

        def forward(self, x: Tensor) -> Tensor:
            return self.out(self.conv(x.unsqueeze(1)).flatten(1))

    job = job_of(made(Frozen))
    program, constants = record(job, (X[:SIZE], Y[:SIZE]), job.phases)
    assert any(None in call.results for call in program.calls())
    ((inputs, outputs),) = crossing(program.segments, {*range(len(program.slots)), *constants})
    compile_segment(program.segments[0], inputs, outputs)
