"""A step written down is a plain value that can be gone through."""

import torch

from netwright.engine.program import Call, Program, Segment, Slot, Value, channels_last, replaced, values

BATCH = Slot("batch", "0")


def program(*calls: Call) -> Program:
    segment = Segment("loss", calls, loss=Value(9), weight=None, figures=(), gradients=(None,))
    return Program((BATCH, Slot("parameter", "weight")), (segment,))


def test_a_call_finds_its_operator():
    assert Call("aten::add", "Tensor", (), ()).function is torch.ops.aten.add.Tensor
    assert Call("aten::mm", "", (), ()).function is torch.ops.aten.mm.default


def test_a_call_knows_whether_it_draws():
    assert Call("aten::rand_like", "", (), ()).draws
    assert Call("aten::native_dropout", "", (), ()).draws
    assert not Call("aten::relu", "", (), ()).draws


def test_calls_of_all_segments_follow_each_other():
    first, second = Call("aten::relu", "", (Value(0),), (Value(2),)), Call("aten::t", "", (Value(2),), (Value(3),))
    both = Program((BATCH,), (program(first).segments[0], program(second).segments[0]))
    assert list(both.calls()) == [first, second]


def test_values_are_found_in_any_tree():
    assert list(values((Value(1), [2, (Value(3), None)], "four"))) == [Value(1), Value(3)]


def test_values_are_replaced_and_nothing_else():
    tensor = torch.zeros(1)
    assert replaced((Value(1), [2, (Value(1),)], None), {1: tensor}) == (tensor, [2, (tensor,)], None)


def test_channels_last_lays_pictures_out_first_and_turns_views_into_reshapes():
    view = Call("aten::view", "", (Value(0), (-1, 8)), (Value(2),))
    other = Call("aten::view", "dtype", (Value(2), torch.int32), (Value(3),))
    head, reshaped, kept = channels_last(program(view, other), images=[0], fresh=7).segments[0].calls
    assert head == Call("aten::contiguous", "", (Value(0), torch.channels_last), (Value(7),))
    assert reshaped == Call("aten::reshape", "", (Value(7), (-1, 8)), (Value(2),))
    assert kept == other
    assert channels_last(program(other), images=[], fresh=7) == program(other)


def test_only_the_first_segment_lays_out():
    relu = program(Call("aten::relu", "", (Value(0),), (Value(2),))).segments[0]
    both = channels_last(Program((BATCH,), (relu, relu)), images=[0], fresh=7)
    assert [len(segment.calls) for segment in both.segments] == [2, 1]
    assert both.segments[1].calls[0].arguments == (Value(7),)
