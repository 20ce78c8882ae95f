"""`nw.fit` as the person sees it who calls it."""

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR, OneCycleLR, ReduceLROnPlateau, StepLR
from torch.utils.data import DataLoader, Dataset, TensorDataset

import netwright as nw
from netwright.core.plan import Plan
from netwright.core.steps import EpochRecord, StepRecord

ROWS = 50
X = torch.randn(ROWS, 4, generator=torch.Generator().manual_seed(0))
Y = X[:, :1] - 0.5 * X[:, 1:2] ** 2
CLASSES = (Y[:, 0] > 0).long()
QUIET = {"progress": False, "plan": "eager"}


def network(outputs: int = 1) -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, outputs))


def fit(model: nn.Module, data: Any = (X, Y), **options: Any) -> nw.Fit:
    given = {"loss": nn.MSELoss(), "optimizer": "sgd", "epochs": 3, "batch_size": 16} | QUIET | options
    if given.get("phases"):
        given = {k: v for k, v in given.items() if k not in ("loss", "optimizer")}
    torch.manual_seed(2)
    return nw.fit(model, data, **given)


def same(a: nn.Module, b: nn.Module) -> bool:
    return all(torch.equal(v, b.state_dict()[k]) for k, v in a.state_dict().items())


def by_hand(model: nn.Module, loader: Any = None, loss: Any = F.mse_loss, epochs: int = 3, **rest: Any) -> list[float]:
    """The loop of a tutorial; the learning rate is that of "sgd"."""
    torch.manual_seed(2)
    optimizer = rest.get("optimizer") or torch.optim.SGD(model.parameters())
    losses = []
    for _ in range(epochs):
        for x, y in loader or DataLoader(TensorDataset(X, Y), batch_size=16, shuffle=True):
            optimizer.zero_grad()
            value = loss(model(x), y)
            value.backward()
            optimizer.step()
            losses.append(value.item())
    return losses


def assert_says(error: Any, *words: str) -> None:
    """The message names what came and the mend."""
    text = str(error.value)
    assert "got:" in text and "wanted:" in text and "fix:" in text
    for word in words:
        assert word in text, text


# Data, in every form


def test_the_module_is_trained_in_place_and_stays_its_owners():
    model = network()
    before, attributes = [id(p) for p in model.parameters()], list(vars(model))
    fitted = fit(model)
    assert [id(p) for p in model.parameters()] == before and list(vars(model)) == attributes
    assert not model._forward_hooks and not model._forward_pre_hooks
    losses = by_hand(wanted := network())
    assert fitted.losses["loss"].tolist() == losses and same(model, wanted)
    assert fitted.losses["loss"].dtype == torch.float64


class Rows(Dataset):
    """A dataset of somebody's own."""

    def __len__(self) -> int:
        return ROWS

    def __getitem__(self, row: int) -> tuple[Tensor, Tensor]:
        return X[row], Y[row]


@pytest.mark.parametrize(
    "data",
    [
        (X.numpy(), Y.numpy()),
        TensorDataset(X, Y),
        Rows(),
        DataLoader(TensorDataset(X, Y), batch_size=16, shuffle=True),
        DataLoader(Rows(), batch_size=16, shuffle=True),
    ],
    ids=["arrays", "tensor dataset", "dataset", "loader of tensors", "loader"],
)
def test_the_same_rows_in_another_form_train_the_same(data: Any):
    fitted = fit(model := network(), data)
    losses = by_hand(wanted := network())
    assert fitted.losses["loss"].tolist() == losses and same(model, wanted)


def test_batches_that_are_given_are_taken_as_they_come():
    batches = list(zip(X.split(20), Y.split(20), strict=True))
    losses = by_hand(wanted := network(), batches)
    for data in (batches, lambda: iter(batches)):
        fitted = fit(model := network(), data)
        assert fitted.losses["loss"].tolist() == losses and same(model, wanted)
        assert [record.rows for record in fitted.history] == [ROWS] * 3


class Joining(nn.Module):
    """Takes two inputs by the names `left` and `right`."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 1)

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return self.fc(torch.cat([left, right], 1))


def test_several_inputs_may_be_given_in_three_ways():
    left, right = X[:, :1], X[:, 1:]
    results = []
    for data in ((left, right, Y), ((left, right), Y), ({"right": right, "left": left}, Y)):
        torch.manual_seed(1)
        model = Joining()
        results.append((fit(model, data).losses["loss"].tolist(), model))
    assert results[0][0] == results[1][0] == results[2][0]
    assert same(results[0][1], results[1][1]) and same(results[0][1], results[2][1])


def test_a_lone_tensor_is_its_own_target():
    torch.manual_seed(1)
    model = nn.Linear(4, 4)
    fitted = fit(model, X, batch_size=ROWS, epochs=1)
    torch.manual_seed(1)
    wanted = nn.Linear(4, 4)
    order = X  # the mean does not depend on the order but for rounding
    assert fitted.losses["loss"].item() == pytest.approx(F.mse_loss(wanted(order), order).item(), abs=1e-6)


def test_drop_last_and_shuffle_are_a_loaders():
    losses = by_hand(network(), DataLoader(TensorDataset(X, Y), batch_size=16, shuffle=False, drop_last=True))
    assert fit(network(), shuffle=False, drop_last=True).losses["loss"].tolist() == losses
    assert len(losses) == 9


def test_data_of_unknown_length_ends_when_it_ends():
    def batches() -> Iterator[Any]:
        yield from zip(X.split(20), Y.split(20), strict=True)

    seen: list[Any] = []
    fitted = fit(network(), batches, watch=seen.append)
    steps = [event for event in seen if isinstance(event, StepRecord)]
    assert all(step.steps is None for step in steps) and len(fitted.losses["loss"]) == 9
    with pytest.raises(nw.InputError) as caught:
        fit(network(), batches, scheduler="cosine")
    assert_says(caught, "'cosine'", "not known", "scheduler object")


# Loss


def test_a_loss_of_module_and_batch():
    def loss(model: nn.Module, batch: Any) -> Tensor:
        return F.mse_loss(model(batch[0]), batch[1])

    assert fit(network(), loss=loss).losses["loss"].tolist() == by_hand(network())


def test_any_function_of_output_and_target():
    def loss(output: Tensor, target: Tensor) -> Tensor:
        return (output - target).abs().mean()

    assert fit(network(), loss=loss).losses["loss"].tolist() == by_hand(network(), loss=F.l1_loss)


def test_a_loss_with_figures_and_a_weight_is_in_the_records():
    def loss(model: nn.Module, batch: Any) -> nw.Loss:
        output = model(batch[0])
        mask = batch[1] > 0
        value = ((output - batch[1]).square() * mask).sum() / mask.sum().clamp(min=1)
        return nw.Loss(value=value, weight=mask.sum(), figures={"largest": output.max()})

    fitted = fit(network(), loss=loss, epochs=1, shuffle=False)
    masks = [int((y > 0).sum()) for y in Y.split(16)]
    values, weights = fitted.losses["loss"], torch.tensor(masks, dtype=torch.float64)
    assert fitted.history[0].losses["loss"] == pytest.approx(float(values @ weights / weights.sum()), abs=1e-12)
    assert len(fitted.losses["loss.largest"]) == 4 and "loss.largest" in fitted.history[0].losses


def test_uneven_accumulation_weighed_by_tokens_is_the_one_big_batch():
    lengths = torch.randint(1, 9, (ROWS,), generator=torch.Generator().manual_seed(5))
    mask = (torch.arange(8) < lengths[:, None]).float()
    words = torch.randn(ROWS, 8, 4, generator=torch.Generator().manual_seed(6))
    data = ((words, mask), words.sum(2))

    def loss(model: nn.Module, batch: Any) -> nw.Loss:
        (tokens, own), target = batch
        errors = (model(tokens).squeeze(2) - target).square() * own
        return nw.Loss(value=errors.sum() / own.sum(), weight=own.sum())

    options = {"loss": loss, "optimizer": torch.optim.SGD, "learning_rate": 0.1, "shuffle": False}
    fit(whole := network(), data, batch_size=ROWS, **options)
    fitted = fit(model := network(), data, batch_size=13, accumulate=4, **options)
    assert len(fitted.losses["loss"]) == 12
    for a, b in zip(model.parameters(), whole.parameters(), strict=True):
        assert torch.allclose(a, b, rtol=0, atol=1e-6)


def test_without_a_loss_nothing_begins():
    for loss in (None, "mse"):
        with pytest.raises(nw.InputError) as caught:
            nw.fit(network(), (X, Y), epochs=1, loss=loss, progress=False)
        assert_says(caught, "no loss", "nn.CrossEntropyLoss()")


# Optimizer and schedule


@pytest.mark.parametrize("asked", ["adam", "Adam", torch.optim.Adam, None])
def test_an_optimizer_by_name_class_or_not_at_all(asked: Any):
    model, wanted = network(), network()
    fitted = fit(model, optimizer=asked)
    assert fitted.losses["loss"].tolist() == by_hand(wanted, optimizer=torch.optim.Adam(wanted.parameters()))


def test_a_learning_rate_for_a_name_and_groups_in_an_object():
    wanted = network()
    losses = by_hand(wanted, optimizer=torch.optim.AdamW(wanted.parameters(), lr=0.05))
    assert fit(network(), optimizer="adamw", learning_rate=0.05).losses["loss"].tolist() == losses

    def grouped(model: Any) -> torch.optim.Optimizer:
        groups = [{"params": model[0].parameters(), "lr": 0.5}, {"params": model[2].parameters()}]
        return torch.optim.SGD(groups, lr=0.01)

    losses = by_hand(wanted := network(), optimizer=grouped(wanted))
    model = network()
    assert fit(model, optimizer=grouped(model)).losses["loss"].tolist() == losses and same(model, wanted)


def test_lbfgs_is_given_its_closure():
    model, wanted = network(), network()
    fitted = fit(model, optimizer=torch.optim.LBFGS(model.parameters()), batch_size=ROWS, shuffle=False, plan="auto")
    optimizer, losses = torch.optim.LBFGS(wanted.parameters()), []

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.mse_loss(wanted(X), Y)
        loss.backward()
        return loss

    for _ in range(3):
        losses.append(optimizer.step(closure).item())
    assert fitted.losses["loss"].tolist() == losses and same(model, wanted)


def test_schedulers_of_torch_step_as_they_are_made_for():
    seen = {}
    for name, made, options in (
        ("epoch", lambda o: StepLR(o, 1, 0.5), {}),
        ("update", lambda o: OneCycleLR(o, 0.1, total_steps=13), {}),
        ("forced", lambda o: StepLR(o, 1, 0.5), {"scheduler_steps": "update"}),
    ):
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        scheduler = made(optimizer)
        fitted = fit(model, optimizer=optimizer, scheduler=scheduler, **options)
        seen[name] = [record.learning_rate for record in fitted.history], scheduler.last_epoch
    assert seen["epoch"] == ([0.1, 0.05, 0.025], 3)
    assert seen["update"][1] == 12 and seen["forced"][1] == 12
    assert seen["forced"][0] == pytest.approx([0.1 / 2**n for n in (4, 8, 12)])


def test_a_plateau_is_seen_in_the_validation_loss():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = ReduceLROnPlateau(optimizer, mode="max", factor=0.5, patience=0)
    fitted = fit(model, optimizer=optimizer, scheduler=scheduler, validation=0.2, epochs=5)
    assert fitted.history[-1].learning_rate < 0.1
    assert scheduler.best == pytest.approx(max(float(r.validation) for r in fitted.history[:1]), rel=1e-6)


def test_a_schedule_by_name_goes_to_nothing():
    for name in ("cosine", "warmup-cosine", "one-cycle"):
        model = network()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        rates = [r.learning_rate for r in fit(model, optimizer=optimizer, scheduler=name, epochs=6).history]
        assert rates[0] > rates[-1] < 0.01, name


def test_accumulated_updates_are_what_a_schedule_counts():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    fit(model, optimizer=optimizer, scheduler="cosine", accumulate=2)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.0, abs=1e-12)


# Validation, best weights, averages, patience


def test_the_best_weights_come_back():
    states: list[dict[str, Tensor]] = []
    model = network()

    def watch(event: object) -> None:
        if isinstance(event, EpochRecord):
            states.append(copy.deepcopy(model.state_dict()))

    fitted = fit(model, validation=(X[:10], Y[:10]), watch=watch, optimizer="sgd", learning_rate=0.9, epochs=8)
    scores = [float(record.validation) for record in fitted.history]
    assert fitted.best_epoch == scores.index(min(scores)) < 7
    assert all(torch.equal(v, states[fitted.best_epoch][k]) for k, v in model.state_dict().items())
    with torch.no_grad():
        assert F.mse_loss(model(X[:10]), Y[:10]).item() == pytest.approx(min(scores), rel=1e-6)
    assert "(the best)" in str(fitted) and "validation" in str(fitted)


def test_without_validation_the_last_weights_stay():
    fitted = fit(network())
    assert fitted.best_epoch == -1 and all(record.validation is None for record in fitted.history)
    assert fitted.ended == "all 3 epochs were run"
    assert "3 epochs" in str(fitted) and "steps 0–11: eager" in str(fitted)


def test_patience_ends_training():
    fitted = fit(network(), validation=0.2, patience=2, learning_rate=0.9, epochs=200)
    assert len(fitted.history) == fitted.best_epoch + 3 < 200
    assert fitted.ended == "no better validation loss for 2 epochs"


def test_a_share_validates_on_rows_that_do_not_train():
    seen: list[Any] = []

    class Watching(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            seen.append((self.training, x[:, 0].tolist()))
            return super().forward(x)

    torch.manual_seed(0)
    fit(Watching(4, 1), validation=0.2)
    trained = {value for training, values in seen if training for value in values}
    validated = {value for training, values in seen if not training for value in values}
    assert len(validated) == 10 and len(trained) == 40 and not trained & validated


def test_metrics_by_name_and_by_function():
    def largest(output: Tensor, target: Tensor) -> Tensor:
        assert not torch.is_grad_enabled() and len(output) == len(target) == 20
        return output.max()

    fitted = fit(
        network(), validation=(X[:20], Y[:20]), metrics={"largest": largest, "error": lambda o, t: (o - t).abs().mean()}
    )
    assert set(fitted.history[-1].metrics) == {"largest", "error"}
    named = fit(network(2), (X, CLASSES), loss=nn.CrossEntropyLoss(), validation=0.2, metrics="accuracy")
    assert 0 <= named.history[-1].metrics["accuracy"] <= 1
    both = fit(network(), validation=0.2, metrics=["mae", "rmse"])
    assert both.history[-1].metrics["mae"] <= both.history[-1].metrics["rmse"]
    with pytest.raises(nw.InputError) as caught:
        fit(network(), validation=0.2, metrics=["f1"])
    assert_says(caught, "'f1'", "accuracy, mae, rmse", "metrics={'name'")


def test_the_average_validates_and_is_kept():
    model, wanted = network(), network()
    fit(model, average=0.8, learning_rate=0.05)
    mean = [p.detach().clone() for p in wanted.parameters()]
    torch.manual_seed(2)
    optimizer = torch.optim.SGD(wanted.parameters(), lr=0.05)
    for _ in range(3):
        for x, y in DataLoader(TensorDataset(X, Y), batch_size=16, shuffle=True):
            optimizer.zero_grad()
            F.mse_loss(wanted(x), y).backward()
            optimizer.step()
            torch._foreach_lerp_(mean, [p.detach() for p in wanted.parameters()], 1 - 0.8)
    for parameter, value in zip(model.parameters(), mean, strict=True):
        assert torch.equal(parameter, value)

    fitted = fit(model := network(), average=0.8, validation=(X, Y), learning_rate=0.05)
    with torch.no_grad():
        scores = [float(record.validation) for record in fitted.history]
        assert F.mse_loss(model(X), Y).item() == pytest.approx(scores[fitted.best_epoch], rel=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_is_what_it_was(training: bool):
    model = network().train(training)
    fit(model, validation=0.2)
    assert model.training is training and model[0].training is training
    with pytest.raises(nw.TrainingError):
        fit(model, loss=lambda output, target: (output - target).mean() * float("nan"))
    assert model.training is training


# Phases


class GAN(nn.Module):
    """A generator and a critic."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 4))
        self.critic = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))


def adversaries(model: GAN, every: int = 1, lr: float = 0.01) -> dict[str, Any]:
    def fakes(module: Any, batch: Tensor) -> Tensor:
        return module.generator(torch.randn(len(batch), 2))

    critic = nw.Phase(
        name="critic",
        loss=lambda m, real, fake: m.critic(fake.detach()).mean() - m.critic(real).mean(),
        optimizer=torch.optim.RMSprop(model.critic.parameters(), lr=lr),
        clip_norm=0.5,
    )
    generator = nw.Phase(
        name="generator",
        loss=lambda m, real, fake: -m.critic(fake).mean(),
        optimizer=torch.optim.RMSprop(model.generator.parameters(), lr=lr),
        every=every,
    )
    return {"phases": [critic, generator], "share": fakes}


@pytest.mark.parametrize("every", [1, 5])
def test_a_gan_is_trained_as_one_writes_it(every: int):
    torch.manual_seed(1)
    model, wanted = GAN(), GAN()
    wanted.load_state_dict(model.state_dict())
    fitted = fit(model, X, epochs=5, **adversaries(model, every))

    torch.manual_seed(2)
    own, losses, step = adversaries(wanted, every), {"critic": [], "generator": []}, 0
    critic, generator = (phase.optimizer for phase in own["phases"])
    for _ in range(5):
        for (real,) in DataLoader(TensorDataset(X), batch_size=16, shuffle=True):
            fake = wanted.generator(torch.randn(len(real), 2))
            critic.zero_grad()
            loss = wanted.critic(fake.detach()).mean() - wanted.critic(real).mean()
            losses["critic"].append(loss.item())
            loss.backward()
            nn.utils.clip_grad_norm_(wanted.critic.parameters(), 0.5)
            critic.step()
            step += 1
            if step % every == 0:
                generator.zero_grad()
                loss = -wanted.critic(fake).mean()
                losses["generator"].append(loss.item())
                loss.backward()
                generator.step()
    assert {name: values.tolist() for name, values in fitted.losses.items()} == losses
    assert len(losses["generator"]) == 20 // every and same(model, wanted)


def test_phases_validate_on_the_first_loss_and_tell_the_others():
    torch.manual_seed(1)
    model = GAN()
    fitted = fit(model, X, validation=0.2, **adversaries(model))
    assert fitted.history[-1].metrics.keys() == {"generator"} and fitted.history[-1].validation is not None
    assert fitted.best_epoch >= 0


def test_phases_have_their_options_of_their_own():
    model = GAN()
    with pytest.raises(nw.InputError) as caught:
        nw.fit(model, X, epochs=1, learning_rate=0.1, clip_norm=1.0, progress=False, **adversaries(model))
    assert_says(caught, "learning_rate, clip_norm", "nw.Phase")


# Arguments that make no sense


@pytest.mark.parametrize(
    "options",
    [{"epochs": 0}, {"epochs": 2.5}, {"epochs": True}, {"accumulate": 0}, {"patience": 0}, {"patience": "two"}],
)
def test_counts_are_whole_numbers(options: dict[str, Any]):
    with pytest.raises(nw.InputError) as caught:
        fit(network(), **options)
    name = next(iter(options))
    assert_says(caught, f"{name} must be a whole number", f"{name}={options[name]!r}", f"Give {name}=1 or more")


@pytest.mark.parametrize("options", [{"clip_norm": 0}, {"clip_norm": -1.0}, {"average": 1.0}, {"average": 0.0}])
def test_a_norm_and_a_decay_have_their_range(options: dict[str, Any]):
    with pytest.raises(nw.InputError) as caught:
        fit(network(), **options)
    name = next(iter(options))
    assert_says(caught, f"{name} is out of its range", f"Give {name}=")


def test_what_only_validation_can_give_needs_some():
    for options in ({"patience": 3}, {"metrics": "mae"}):
        with pytest.raises(nw.InputError) as caught:
            fit(network(), **options)
        assert_says(caught, "Nothing validates", next(iter(options)), "validation=0.2")


def test_a_precision_there_is_not():
    with pytest.raises(nw.InputError) as caught:
        fit(network(), precision="bf16")
    assert_says(caught, "'bf16'", "bfloat16")


def test_the_module_comes_first():
    for wrong in ((X, Y), nn.Linear):
        with pytest.raises(nw.InputError) as caught:
            fit(wrong, network())
        assert_says(caught, "a torch.nn.Module", "nw.fit(model, (x, y)")


def test_there_must_be_something_to_train():
    for model in (nn.ReLU(), network().requires_grad_(False)):
        with pytest.raises(nw.InputError) as caught:
            fit(model)
        assert_says(caught, "no parameter that can be trained", "self.fc = nn.Linear")


def test_phases_need_names_and_turns():
    model = network()

    def phase(name: str, every: int = 1) -> nw.Phase:
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        return nw.Phase(name=name, loss=lambda m, batch: m(batch[0]).mean(), optimizer=optimizer, every=every)

    for phases in ([], [phase("a"), phase("a")], [phase("a", 0)]):
        with pytest.raises(nw.InputError) as caught:
            nw.fit(model, (X, Y), phases=phases, epochs=1, progress=False)
        assert_says(caught, "names that differ", "nw.Phase(name=")


def test_only_phases_share():
    with pytest.raises(nw.InputError) as caught:
        fit(network(), share=lambda model, batch: None)
    assert_says(caught, "share and no phases", "phases=")


@pytest.mark.parametrize("loss", [nn.MSELoss(reduction="none"), lambda output, target: 1.0])
def test_a_loss_is_one_number(loss: Any):
    with pytest.raises(nw.InputError) as caught:
        fit(network(), loss=loss)
    assert_says(caught, "not one number", ".mean()")


def test_a_plan_that_is_none():
    with pytest.raises(nw.InputError) as caught:
        fit(network(), plan="fast")
    assert_says(caught, "'fast'", "eager, traced, compiled", 'plan="eager"')


def test_a_batch_that_can_not_be_taken_apart():
    with pytest.raises(nw.InputError) as caught:
        fit(network(), {"x": X, "y": Y})
    assert_says(caught, "a dict", "loss(model, batch)")


def test_a_device_by_name():
    assert fit(network(), device="cpu").losses["loss"].tolist() == by_hand(network())
    with pytest.raises(nw.InputError):
        fit(network(), device="nowhere")


# When training goes wrong


def test_a_loss_that_is_not_finite_says_where_and_touches_nothing():
    model = network()
    data = X.clone()
    data[37, 2] = float("nan")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    states: list[Any] = []

    def loss(module: nn.Module, batch: Any) -> Tensor:
        states.append(copy.deepcopy(model.state_dict()))
        return F.mse_loss(module(batch[0]), batch[1])

    with pytest.raises(nw.TrainingError) as caught:
        fit(model, (data, Y), shuffle=False, loss=loss, optimizer=optimizer)
    assert_says(caught, "phase 'loss'", "epoch 1, step 3", "NaN", "rows 5", "nan_to_num")
    final = [state for state in states if all(torch.equal(v, model.state_dict()[k]) for k, v in state.items())]
    assert final, "the weights are those the step began with"
    assert all(p.isfinite().all() for p in model.parameters())


class Exploding(nn.Module):
    """Its middle gives infinity from some step on."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 8), nn.Linear(8, 1)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.calls += 1
        return self.last(self.first(x) * torch.where(self.calls > 5, torch.inf, 1.0))


@pytest.mark.parametrize("plan", ["eager", "traced", "auto"])
def test_the_module_at_fault_is_named(plan: str):
    with pytest.raises(nw.TrainingError) as caught:
        fit(Exploding(), plan=plan)
    assert_says(caught, "epoch 2, step 2", "last", "learning rate")


def test_the_best_weights_are_kept_where_it_breaks_late():
    torch.manual_seed(1)
    seen: list[object] = []
    fitted = fit(model := Exploding(), validation=0.2, watch=seen.append)
    assert "best weights before that are kept" in fitted.ended and "not finite" in fitted.ended
    assert fitted.best_epoch == 0 and len(fitted.history) == 1
    assert all(p.isfinite().all() for p in model.parameters())
    assert any(notice.serious for notice in fitted.notices)


def test_a_softmax_before_its_own_loss_is_told_and_trains():
    model = nn.Sequential(nn.Linear(4, 3), nn.Softmax(1))
    with pytest.warns(nw.NetwrightWarning, match="applies a softmax itself"):
        fitted = fit(model, (X, CLASSES), loss=nn.CrossEntropyLoss())
    assert len(fitted.notices) == 1 and len(fitted.history) == 3
    seen: list[object] = []
    fit(nn.Sequential(nn.Linear(4, 3), nn.Softmax(1)), (X, CLASSES), loss=nn.CrossEntropyLoss(), watch=seen.append)
    assert sum("softmax" in str(event) for event in seen) == 1


def test_mistakes_are_found_before_the_first_step():
    model = network(2)
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(nw.InputError):
        fit(model, (X, CLASSES + 5), loss=nn.CrossEntropyLoss())
    with pytest.raises(nw.InputError):
        fit(model, (X, CLASSES), loss=nn.CrossEntropyLoss(), optimizer=torch.optim.SGD(network().parameters()))
    with pytest.raises(nw.InputError):
        fit(network(), (X, Y[:, 0]))
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


# What is told while it runs


def test_every_record_is_shown_in_order():
    seen: list[object] = []
    fitted = fit(network(), watch=seen.append, validation=0.2)
    epochs = [event for event in seen if isinstance(event, EpochRecord)]
    assert tuple(epochs) == fitted.history
    steps = [event for event in seen if isinstance(event, StepRecord)]
    assert torch.equal(torch.cat([step.losses["loss"] for step in steps]), fitted.losses["loss"])
    assert [e.epoch for e in epochs] == [0, 1, 2] and all(e.rows == 40 and e.seconds > 0 for e in epochs)
    assert sum(step.rows for step in steps) == 120 and {step.epochs for step in steps} == {3}
    for epoch in epochs:
        own = torch.cat([step.losses["loss"] for step in steps if step.epoch == epoch.epoch])
        weights = torch.tensor([16.0, 16.0, 8.0], dtype=torch.float64)
        assert epoch.losses["loss"] == pytest.approx(float(own @ weights / 40), abs=1e-12)


def test_reduced_precision_leaves_weights_in_float32():
    for precision in ("bfloat16", "float16"):
        model = network()
        fitted = fit(model, precision=precision, plan=Plan(precision=precision), optimizer="adam", epochs=4)
        assert fitted.losses["loss"].isfinite().all()
        assert all(p.dtype == torch.float32 and p.isfinite().all() for p in model.parameters())


def test_arrays_of_other_types_reach_the_module_as_they_are():
    seen: list[Any] = []

    class Bytes(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(x.dtype)
            return super().forward(x.float() / 255)

    torch.manual_seed(0)
    pixels = (np.arange(ROWS * 4).reshape(ROWS, 4) % 256).astype(np.uint8)
    fit(Bytes(4, 1), (pixels, Y.numpy()))
    assert set(seen) == {torch.uint8}


def test_a_lambda_schedule_counts_its_epochs():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    rates = fit(model, optimizer=optimizer, scheduler=LambdaLR(optimizer, lambda e: 1 / (e + 1))).history
    assert [record.learning_rate for record in rates] == pytest.approx([1e-3, 1e-3 / 2, 1e-3 / 3])


def test_a_plateau_is_looked_at_once_an_epoch():
    module = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
    data = torch.zeros(4, 2), torch.zeros(4, 1)
    how = {"loss": nn.MSELoss(), "optimizer": optimizer, "scheduler": plateau, "epochs": 1, "progress": False}
    with pytest.raises(nw.InputError, match="looks at the loss of an epoch"):
        nw.fit(module, data, scheduler_steps="update", **how)


def test_a_plan_of_unknown_words_is_refused():
    with pytest.raises(nw.InputError, match="no such tier"):
        nw.Plan(tier="fastest")


class Changing(nn.Module):
    """Its forward reads what a person may change in between."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last, self.heat = nn.Linear(3, 8), nn.Linear(8, 1), 1.0

    def forward(self, x):
        return self.last(torch.tanh(self.first(x) * self.heat))


CHANGES = {
    "an attribute": lambda module, held: setattr(module, "heat", module.heat * 0.9),
    "a closure": lambda module, held: held.update(factor=held["factor"] * 0.9),
    "frozen weights": lambda module, held: module.first.requires_grad_(False),
    "weights laid elsewhere": lambda module, held: setattr(module.last.weight, "data", module.last.weight.data * 0.9),
    "a tensor in a list": lambda module, held: held["list"].__setitem__(0, held["list"][0] * 0.9),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("plan", ["traced", "auto"])
def test_what_is_changed_between_epochs_is_followed(change: str, plan: str):
    x = torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
    weights = []
    for how in ("eager", plan):
        module, held = Changing(), {"factor": 1.0, "list": [torch.ones(1)]}

        def loss(model, batch, held=held):
            return (model(batch) - batch[:, :1]).square().mean() * held["factor"] * held["list"][0].sum()

        def watch(event, module=module, held=held):
            if isinstance(event, EpochRecord):
                CHANGES[change](module, held)

        optimizer = torch.optim.SGD(module.parameters(), lr=0.05)
        torch.manual_seed(1)
        nw.fit(
            module, x, loss=loss, optimizer=optimizer, epochs=12, batch_size=8, plan=how, watch=watch, progress=False
        )
        weights.append([p.detach().clone() for p in module.parameters()])
    for one, other in zip(*weights, strict=True):
        assert torch.allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("plan", ["eager", "traced", "auto"])
def test_a_loss_that_counts_its_calls_counts_the_steps_alone(plan: str):
    calls = 0

    def loss(output, target):
        nonlocal calls
        calls += 1
        return nn.functional.mse_loss(output, target) * min(1.0, calls / 50)

    torch.manual_seed(0)
    module = nn.Linear(3, 1)
    x = torch.randn(64, 3)
    nw.fit(module, (x, x[:, :1]), loss=loss, optimizer="sgd", epochs=10, batch_size=8, plan=plan, progress=False)
    assert calls == 80


def test_metrics_want_one_tensor():
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(2, 1)

        def forward(self, x: Tensor) -> dict[str, Tensor]:
            return {"out": self.layer(x)}

    def loss(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        return (model(batch[0])["out"] - batch[1]).square().mean()

    data = torch.zeros(8, 2), torch.zeros(8, 1)
    with pytest.raises(nw.InputError, match="one tensor"):
        nw.fit(Two(), data, loss=loss, epochs=1, validation=0.5, metrics="mae", progress=False)
