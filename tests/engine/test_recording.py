"""A step comes out as the operators that were run, and running them again gives its numbers."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from netwright.core.phase import Loss, Phase
from netwright.core.plan import Plan
from netwright.engine.job import Job
from netwright.engine.program import Program, Value, replaced, values
from netwright.engine.recording import Refused, differences, record, same_constants
from tests.engine.strange import SIZE, Plain, X, Y, made

BATCH = (X[:SIZE], Y[:SIZE])


def mse(module: nn.Module, batch: Any) -> Tensor:
    return F.mse_loss(module(batch[0]), batch[1])


def job_of(module: nn.Module, loss: Any = mse, parameters: Any = None, **rest: Any) -> Job:
    optimizer = torch.optim.SGD(list(module.parameters()) if parameters is None else parameters, lr=0.1)
    return Job(module=module, phases=[Phase(name="loss", loss=loss, optimizer=optimizer)], source=None, **rest)


def slots(job: Job, program: Program, batch: Any) -> dict[int, Tensor]:
    tensors = dict(job.module.named_parameters()) | dict(job.module.named_buffers())
    own = list(batch) if isinstance(batch, tuple) else [batch]
    return {
        n: own[int(slot.name)] if slot.kind == "batch" else tensors[slot.name].detach()
        for n, slot in enumerate(program.slots)
    }


def ran(program: Program, tensors: dict[int, Tensor]) -> dict[int, Tensor]:
    """Every call after the other, in Python."""
    with torch.no_grad():
        for call in program.calls():
            arguments = zip(call.function._schema.arguments, replaced(call.arguments, tensors), strict=True)
            named = [(argument.kwarg_only, argument.name, value) for argument, value in arguments]
            options = {name: value for only, name, value in named if only}
            out = call.function(*[value for only, _, value in named if not only], **options)
            results = out if isinstance(out, tuple) else (out,)
            for result, tensor in zip(call.results, results, strict=True):
                parts = zip(result, tensor, strict=True) if isinstance(result, tuple) else [(result, tensor)]
                tensors |= {value.number: part for value, part in parts if value is not None}
    return tensors


def check(job: Job, batch: Any = BATCH) -> tuple[Program, dict[int, Tensor]]:
    """Record, run, and hold losses, gradients and buffers against the module itself."""
    buffers = {name: b.clone() for name, b in job.module.named_buffers()}
    stream = torch.get_rng_state()
    program, constants = record(job, batch, job.phases)
    job.module.load_state_dict(buffers, strict=False)
    torch.set_rng_state(stream)
    bound = slots(job, program, batch) | constants
    for name, buffer in job.module.named_buffers():
        number = next((n for n, s in enumerate(program.slots) if (s.kind, s.name) == ("buffer", name)), None)
        if number is not None:
            bound[number] = buffer.clone()
    tensors = ran(program, bound)
    torch.set_rng_state(stream)
    shared = (job.share(job.module, batch),) if job.share else ()
    for phase, segment in zip(job.phases, program.segments, strict=True):
        loss = phase.loss(job.module, batch, *shared)
        loss = loss if isinstance(loss, Loss) else Loss(value=loss)
        parameters = [p for g in phase.optimizer.param_groups for p in g["params"] if p.requires_grad]
        gradients = torch.autograd.grad(loss.value, parameters, allow_unused=True, retain_graph=True)
        assert torch.equal(tensors[segment.loss.number], loss.value)
        for value, gradient in zip(segment.gradients, gradients, strict=True):
            assert (value is None) == (gradient is None)
            assert value is None or torch.equal(tensors[value.number], gradient)
    for number, slot in enumerate(program.slots):
        if slot.kind == "buffer":
            assert torch.equal(tensors[number], dict(job.module.named_buffers())[slot.name])
    return program, constants


class Around(nn.Module):
    """A module around a function."""

    def __init__(self, forward: Any, **layers: nn.Module) -> None:
        super().__init__()
        for name, layer in layers.items():
            setattr(self, name, layer)
        self.function = forward

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


def built(forward: Any, **layers: nn.Module) -> nn.Module:
    return Around(forward, fc=nn.Linear(4, 4), out=nn.Linear(4, 1), **layers)


def in_place(m: Any, x: Tensor) -> Tensor:
    h = m.fc(x)
    h[:, :2].mul_(0.5)
    h += 1
    h.relu_()
    return m.out(h)


def views(m: Any, x: Tensor) -> Tensor:
    h = m.fc(x).view(-1, 2, 2).transpose(1, 2).reshape(len(x), 4)
    a, b = h.split(2, 1)
    return m.out(torch.cat([b, a], 1))[:, 0].unsqueeze(1)


FORWARDS = {
    "twice": lambda m, x: m.out(m.fc(torch.tanh(m.fc(x)))),
    "in place": in_place,
    "views": views,
    "scalars": lambda m, x: (2 * m.out(m.fc(x)) - 1) / 3 + x.sum() * 0.5,
    "created": lambda m, x: m.out(m.fc(x + torch.arange(4.0) * torch.ones(len(x), 1))),
    "indexed": lambda m, x: m.out(m.fc(x)[:, [0, 2, 1, 3]][torch.arange(len(x)).flip(0)]),
    "drawn": lambda m, x: m.out(F.dropout(m.fc(x + torch.randn_like(x)), 0.4, m.training)),
    "einsum": lambda m, x: m.out(torch.einsum("bi,ij->bj", x, m.fc.weight)),
    "edited weights": lambda m, x: m.out(F.linear(x, m.fc.weight.clamp(-0.2, 0.2))),
}


@pytest.mark.parametrize("name", FORWARDS)
def test_the_operators_give_the_modules_numbers(name: str):
    check(job_of(made(lambda: built(FORWARDS[name]))))


def test_shared_weights_are_one_slot():
    module = made(lambda: nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4), nn.Linear(4, 1)))
    module[2].weight = module[0].weight
    program, _ = check(job_of(module))
    assert [s.name for s in program.slots if s.kind == "parameter"] == [name for name, _ in module.named_parameters()]


def test_buffers_change_as_they_do_in_the_module():
    program, _ = check(job_of(made(lambda: nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 1)))))
    assert {s.name for s in program.slots if s.kind == "buffer"} == {
        "0.running_mean",
        "0.running_var",
        "0.num_batches_tracked",
    }


def test_tensors_from_outside_are_constants():
    scale = torch.tensor([2.0])
    program, constants = check(job_of(made(lambda: built(lambda m, x: m.out(m.fc(x) * scale) * scale))))
    assert [c is scale for c in constants.values()] == [True]
    assert not {v.number for call in program.calls() for v in values(call.results)} & constants.keys()


def test_frozen_and_unused_parameters():
    module = made(lambda: built(FORWARDS["twice"], never=nn.Linear(2, 2)))
    module.fc.weight.requires_grad_(False)
    program, _ = check(job_of(module))
    names = [name for name, parameter in module.named_parameters() if parameter.requires_grad]
    gradients = dict(zip(names, program.segments[0].gradients, strict=True))
    assert [name for name, value in gradients.items() if value is None] == ["never.weight", "never.bias"]
    assert "fc.weight" not in gradients


def test_gradients_are_those_of_the_phase_alone():
    module = made(Plain)
    program, _ = check(job_of(module, parameters=module.out.parameters()))
    assert len(program.segments[0].gradients) == 2


def test_a_loss_tells_its_weight_and_figures():
    def loss(module: nn.Module, batch: Any) -> Loss:
        output = module(batch[0])
        mask = batch[1] > 0
        return Loss(
            value=(output.square() * mask).sum() / mask.sum(), weight=mask.sum(), figures={"mean": output.mean()}
        )

    job = job_of(made(Plain), loss)
    program, constants = check(job)
    segment, tensors = program.segments[0], ran(program, slots(job, program, BATCH) | constants)
    assert isinstance(segment.weight, Value)
    assert tensors[segment.weight.number].item() == (BATCH[1] > 0).sum().item()
    ((name, figure),) = segment.figures
    assert name == "mean" and torch.equal(tensors[figure.number], job.module(BATCH[0]).mean())
    plain = job_of(made(Plain), lambda m, b: Loss(value=mse(m, b), weight=3.0))
    assert check(plain)[0].segments[0].weight == 3.0


def test_what_is_shared_is_computed_once_for_two_phases():
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.maker, self.critic = nn.Linear(4, 4), nn.Linear(4, 1)

    module = made(Two)
    calls: list[int] = []

    def share(m: Any, batch: Any) -> Tensor:
        calls.append(1)
        return m.maker(torch.randn(len(batch[0]), 4))

    phases = [
        Phase(
            name="critic",
            loss=lambda m, b, fakes: (m.critic(fakes.detach()) - m.critic(b[0])).mean(),
            optimizer=torch.optim.SGD(module.critic.parameters(), 0.1),
        ),
        Phase(
            name="maker",
            loss=lambda m, b, fakes: -m.critic(fakes).mean(),
            optimizer=torch.optim.SGD(module.maker.parameters(), 0.1),
        ),
    ]
    job = Job(module=module, phases=phases, source=None, share=share)
    program, _ = check(job)
    assert len(calls) == 2 and [s.phase for s in program.segments] == ["critic", "maker"]
    assert sum(call.draws for call in program.calls()) == 1
    only = record(job, BATCH, [phases[1]])[0]
    assert [s.phase for s in only.segments] == ["maker"]


def test_recording_computes_no_grad_field():
    job = job_of(made(Plain))
    record(job, BATCH, job.phases)
    assert all(p.grad is None for p in job.module.parameters())


def test_gradients_lie_in_memory_as_the_parameters_do():
    module = made(lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 1)))
    job = job_of(module, lambda m, b: m(b[0].view(-1, 1, 4, 4)).mean())
    batch = (X[:16].reshape(4, 16), Y[:4])
    program, constants = record(job, batch, job.phases)
    tensors = ran(program, slots(job, program, batch) | constants)
    for value, parameter in zip(program.segments[0].gradients, module.parameters(), strict=True):
        assert value is not None and tensors[value.number].stride() == parameter.stride()


def test_reduced_precision_is_recorded_as_it_is_computed():
    program, _ = record(job := job_of(made(Plain)), BATCH, job.phases, Plan(precision="bfloat16"))
    assert any(torch.bfloat16 in call.arguments for call in program.calls())


def test_pictures_are_laid_out_where_the_plan_says_so():
    module = made(lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 1)))
    job = job_of(module, lambda m, b: m(b[0]).mean())
    program, _ = record(job, (X[:16].reshape(4, 1, 4, 4),), job.phases, Plan(memory_format="channels_last"))
    assert next(program.calls()).operator == "aten::contiguous"


REFUSED = {
    "item": (lambda m, x: m.out(m.fc(x)) * x.max().item(), "depends on the numbers in a tensor"),
    "bool": (lambda m, x: m.out(m.fc(x)) * (2 if x.sum() > 0 else 1), "depends on the numbers in a tensor"),
    "mask": (lambda m, x: m.out(m.fc(x)[x[:, 0] > 0]).mean() + m.out(x), "depends on the numbers in a tensor"),
    "nonzero": (lambda m, x: m.out(x) * len(x.nonzero()), "depends on the numbers in a tensor"),
    "repeated": (
        lambda m, x: m.out(x.repeat_interleave((x[:, 0] > 0).long(), 0)).mean() + m.out(x),
        "depends on the numbers in a tensor",
    ),
    "equal": (lambda m, x: m.out(x) * torch.equal(x, x), "depends on the numbers in a tensor"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_forward_that_looks_at_numbers_is_refused(name: str):
    forward, reason = REFUSED[name]
    job = job_of(made(lambda: built(forward)))
    with pytest.raises(Refused, match=reason):
        record(job, BATCH, job.phases)


def test_how_recordings_differ():
    job = job_of(made(Plain))
    first, _ = record(job, BATCH, job.phases)
    assert differences(first, record(job, BATCH, job.phases)[0]) == ""
    other = job_of(made(lambda: built(FORWARDS["twice"])))
    assert "another from call to call" in differences(first, record(other, BATCH, other.phases)[0])
    longer = job_of(job.module, lambda m, b: mse(m, b) * 2.0)
    assert "another from call to call" in differences(first, record(longer, BATCH, longer.phases)[0])
    scaled = [job_of(job.module, lambda m, b, s=s: mse(m, b) * s) for s in (2.0, 3.0)]
    a, b = (record(own, BATCH, own.phases)[0] for own in scaled)
    assert "in mul" in differences(a, b)


def test_constants_are_the_same_by_identity_or_by_number():
    a, b = torch.ones(2), torch.ones(2)
    assert same_constants({3: a}, {3: a}) and same_constants({3: a}, {3: b})
    nan = torch.tensor(float("nan"))
    assert same_constants({3: nan}, {3: nan})
    for other in ({}, {4: a}, {3: torch.ones(3)}, {3: torch.ones(2, dtype=torch.float64)}, {3: torch.zeros(2)}):
        assert not same_constants({3: a}, other)
