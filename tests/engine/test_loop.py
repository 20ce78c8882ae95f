"""The loop anybody would have written, with the same bits."""

import pytest
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR, StepLR
from torch.utils.data import DataLoader, RandomSampler, TensorDataset

from netwright.core.batch import Batch
from netwright.core.errors import TrainingError
from netwright.core.phase import Phase
from netwright.core.plan import Plan
from netwright.core.seeds import derive
from netwright.core.steps import EpochRecord, StepRecord
from netwright.data.batches import Batches
from netwright.engine import loop
from netwright.engine.averages import Averages
from netwright.engine.cursor import Cursor
from netwright.engine.eager import Eager
from netwright.engine.job import Job, Position
from netwright.engine.tally import Tally

ROWS, EPOCHS, SEED = 50, 3, 11
X = torch.randn(ROWS, 4, generator=torch.Generator().manual_seed(0))
Y = torch.sin(X[:, :1]) + X[:, 1:2]


def network() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 1))


def batches(batch_size: int = 8, target: Tensor = Y) -> Batches:
    return Batches(
        inputs=(X,), target=target, fold=torch.full((ROWS,), -1), rows=torch.arange(ROWS), batch_size=batch_size
    )


def mse(module: nn.Module, batch: Batch) -> Tensor:
    return nn.functional.mse_loss(module(*batch.inputs), batch.target)


def validate(module: nn.Module) -> tuple[Tensor, dict[str, float]]:
    loss = nn.functional.mse_loss(module(X), Y)
    return loss, {"doubled": 2 * float(loss)}


def run(module, phases, source, *, epochs, seed, validate, position=None):
    job, averages = Job(module=module, phases=phases, source=source), Averages(phases)
    return loop.run(
        job,
        Eager(job, Cursor(job), averages, Plan()),
        averages,
        epochs=epochs,
        order=lambda epoch: derive(seed, f"epoch {epoch}"),
        validate=validate,
        position=Position() if position is None else position,
    )


def update(module: nn.Module, phase: Phase, batch: Batch) -> None:
    job = Job(module=module, phases=[phase], source=batches())
    Eager(job, Cursor(job), Averages([phase]), Plan()).step([batch], [phase], Tally(Position()))


OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, fused=True),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01),
}
SCHEDULERS = {
    "none": lambda o: None,
    "step": lambda o: StepLR(o, 5, 0.5),
    "one cycle": lambda o: OneCycleLR(o, max_lr=0.05, total_steps=100),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("scheduler", SCHEDULERS)
@pytest.mark.parametrize("clip", [None, 0.5])
def test_it_is_the_data_loader_loop_bit_for_bit(optimizer: str, scheduler: str, clip: float | None):
    theirs = network()
    their_optimizer = OPTIMIZERS[optimizer](theirs.parameters())
    their_scheduler = SCHEDULERS[scheduler](their_optimizer)
    data, losses, validation = TensorDataset(X, Y), [], []
    torch.manual_seed(2)
    for epoch in range(EPOCHS):
        theirs.train()
        order = torch.Generator().manual_seed(derive(SEED, f"epoch {epoch}"))
        sampler = RandomSampler(data, generator=order)
        loader = DataLoader(data, batch_size=8, sampler=sampler, generator=torch.Generator())
        for x, y in loader:
            their_optimizer.zero_grad()
            loss = nn.functional.mse_loss(theirs(x), y)
            loss.backward()
            if clip is not None:
                nn.utils.clip_grad_norm_(theirs.parameters(), clip)
            their_optimizer.step()
            if their_scheduler is not None:
                their_scheduler.step()
            losses.append(loss.item())
        theirs.eval()
        with torch.no_grad():
            validation.append(float(nn.functional.mse_loss(theirs(X), Y)))

    ours = network()
    our_optimizer = OPTIMIZERS[optimizer](ours.parameters())
    phase = Phase(
        name="net", loss=mse, optimizer=our_optimizer, scheduler=SCHEDULERS[scheduler](our_optimizer), clip_norm=clip
    )
    torch.manual_seed(2)
    records = list(run(ours, [phase], batches(), epochs=EPOCHS, seed=SEED, validate=validate))
    steps = [r for r in records if isinstance(r, StepRecord)]
    epochs = [r for r in records if isinstance(r, EpochRecord)]
    assert torch.cat([r.losses["net"] for r in steps]).tolist() == losses
    assert [float(r.validation) for r in epochs] == validation
    for name, value in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], value), name
    assert [r.learning_rate for r in epochs][-1] == their_optimizer.param_groups[0]["lr"]


def simple(module: nn.Module, **options) -> Phase:
    return Phase(name="net", loss=mse, optimizer=torch.optim.SGD(module.parameters(), lr=0.05), **options)


@pytest.mark.parametrize("chunk", [0.0, 0.2])
def test_records_add_up(monkeypatch: pytest.MonkeyPatch, chunk: float):
    monkeypatch.setattr(loop, "CHUNK_SECONDS", chunk)
    module = network()
    at = Position()
    seen = []
    for record in run(module, [simple(module)], batches(), epochs=2, seed=0, validate=validate, position=at):
        seen.append((record, at.epoch, at.step, at.rows))
    for epoch in range(2):
        steps = [r for r, *_ in seen if isinstance(r, StepRecord) and r.epoch == epoch]
        (done,) = [r for r, *_ in seen if isinstance(r, EpochRecord) and r.epoch == epoch]
        assert len(steps) == (7 if chunk == 0 else 1) and steps[-1].step == steps[-1].steps == 7
        assert sum(r.rows for r in steps) == done.rows == ROWS
        losses, sizes = (
            torch.cat([r.losses["net"] for r in steps]),
            torch.tensor([8.0] * 6 + [2.0], dtype=torch.float64),
        )
        assert done.losses["net"] == pytest.approx(float(losses @ sizes) / ROWS)  # each row counts once
        assert done.metrics["doubled"] == pytest.approx(2 * float(done.validation)) and done.seconds >= 0
        assert all(r.epochs == 2 and r.seconds >= 0 for r in steps)
    for record, epoch, step, rows in seen:
        if isinstance(record, StepRecord):
            assert (record.epoch, record.step) == (epoch, step) and rows == min(8 * step, ROWS)
        else:
            assert (epoch, step, rows) == (record.epoch + 1, 0, 0)


def test_not_asking_for_more_stops(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(loop, "CHUNK_SECONDS", 0.0)
    module = network()
    records = run(module, [simple(module)], batches(), epochs=100, seed=0, validate=validate)
    for _ in range(3):
        record = next(records)
    records.close()
    assert record.step == 3


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("bad_step", [0, 4])
def test_a_loss_that_is_not_finite_touches_no_weight(value: float, bad_step: int):
    module = network()
    phase = simple(module)
    count, states = iter(range(100)), []

    def loss(module: nn.Module, batch: Batch) -> Tensor:
        good = mse(module, batch)
        states.append({name: p.detach().clone() for name, p in module.named_parameters()})
        return good * value if next(count) == bad_step else good

    phase = Phase(name="net", loss=loss, optimizer=phase.optimizer)
    with pytest.raises(TrainingError, match=f"epoch 1, step {bad_step + 1}") as error:
        list(run(module, [phase], batches(), epochs=2, seed=0, validate=validate))
    assert "'net'" in error.value.what and str(value)[-3:] in error.value.got and "0.05" in error.value.got
    assert len(states) == bad_step + 1
    assert all(torch.equal(p, states[-1][name]) for name, p in module.named_parameters())


def test_clipping_bounds_the_gradients_together():
    module = network()
    phase = simple(module, clip_norm=1e-3)
    before = [p.detach().clone() for p in module.parameters()]
    module.train()
    update(module, phase, next(batches().epoch(0)))
    moved = torch.cat([(p.detach() - b).flatten() for p, b in zip(module.parameters(), before, strict=True)]) / 0.05
    assert float(moved.norm()) == pytest.approx(1e-3, rel=1e-2)


class Two(nn.Module):
    """Two halves that see each other, as a generator and its critic do."""

    def __init__(self) -> None:
        super().__init__()
        self.maker, self.critic = nn.Linear(4, 4), nn.Linear(4, 1)


def test_two_phases_train_their_own_parameters_alone():
    torch.manual_seed(0)
    module, reference = Two(), Two()
    reference.load_state_dict(module.state_dict())
    make = lambda m, x: m.critic(m.maker(x)).mean()  # noqa: E731
    judge = lambda m, x: (m.critic(m.maker(x)) - 1).square().mean()  # noqa: E731
    phases = [
        Phase(
            name="make", loss=lambda m, b: make(m, *b.inputs), optimizer=torch.optim.SGD(module.maker.parameters(), 0.1)
        ),
        Phase(
            name="judge", loss=lambda m, b: judge(m, *b.inputs), optimizer=torch.optim.Adam(module.critic.parameters())
        ),
    ]
    records = list(run(module, phases, batches(ROWS), epochs=1, seed=0, validate=lambda m: (torch.tensor(0.0), {})))

    (batch,) = batches(ROWS).epoch(derive(0, "epoch 0"))
    optimizers = torch.optim.SGD(reference.maker.parameters(), 0.1), torch.optim.Adam(reference.critic.parameters())
    losses = []
    for objective, optimizer in zip((make, judge), optimizers, strict=True):
        reference.zero_grad()
        losses.append(objective(reference, *batch.inputs))
        losses[-1].backward()
        optimizer.step()
    for name, value in reference.state_dict().items():
        assert torch.equal(module.state_dict()[name], value), name
    assert records[-1].losses == {"make": losses[0].item(), "judge": losses[1].item()}
    update(module, phases[0], batch)
    assert all(p.grad is not None for p in module.maker.parameters())


def test_a_phase_leaves_the_others_gradients_alone():
    module = Two()
    phase = Phase(
        name="make",
        loss=lambda m, b: m.critic(m.maker(*b.inputs)).mean(),
        optimizer=torch.optim.SGD(module.maker.parameters(), 0.1),
    )
    update(module, phase, next(batches().epoch(0)))
    assert all(p.grad is None for p in module.critic.parameters())


def test_validation_is_in_eval_mode_and_training_comes_back():
    module, modes = network(), []

    def watch(m: nn.Module) -> tuple[Tensor, dict[str, float]]:
        modes.append((m.training, torch.is_grad_enabled()))
        return torch.tensor(0.0), {}

    def loss(m: nn.Module, batch: Batch) -> Tensor:
        assert m.training and torch.is_grad_enabled()
        return mse(m, batch)

    phase = Phase(name="net", loss=loss, optimizer=torch.optim.SGD(module.parameters(), lr=0.01))
    list(run(module, [phase], batches(), epochs=2, seed=0, validate=watch))
    assert modes == [(False, False)] * 2


def test_a_frozen_parameter_in_the_optimizer_is_left_alone():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 1))
    module[0].requires_grad_(False)
    before = module[0].weight.clone()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    phase = Phase(name="network", loss=lambda m, b: m(b.inputs[0]).square().mean(), optimizer=optimizer)
    batch = Batch(inputs=(torch.ones(2, 3),), target=torch.zeros(2), fold=torch.zeros(2))
    moved = module[1].weight.clone()
    update(module, phase, batch)
    assert torch.equal(module[0].weight, before) and not torch.equal(module[1].weight, moved)
