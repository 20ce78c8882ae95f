"""Every family that reads texts, on every task."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netwright.core.batch import Batch
from netwright.core.cells import CellType
from netwright.core.forms import TextForm
from netwright.core.schema import CategoryColumn, NumberColumn, Schema
from netwright.families.family import Family
from netwright.families.recurrent.body import Recurrent
from netwright.families.text import config as sizes
from netwright.families.text.config import TextConfig
from netwright.families.text.family import FAMILIES, members_say
from netwright.families.text.network import Reader, TextNetwork
from netwright.families.text.wide import SIDES, fit_wide, side_of
from netwright.families.transformer.encoder import Encoder
from netwright.tasks import Classification, MultiLabel, Regression

ROWS, PIECES, GRAMS, LENGTH = 90, 20, 12, 10
TEXT, NUMBER = CellType(kind="string"), CellType(kind="number")
FORM = TextForm(
    columns=("t",), tokenizer="{}", pieces=PIECES, length=LENGTH, grams=tuple(range(GRAMS)), rarity=(1.0,) * GRAMS
)
SCALED = {"why": "", "center": 0.0, "scale": 1.0, "lowest": 0.0, "highest": 1.0}
COLUMNS = (
    NumberColumn(name="n", cell=NUMBER, **SCALED),
    CategoryColumn(name="c", cell=TEXT, why="", values=("a", "b")),
)
SMALL = {"members": 2, "width": 16, "depth": 1, "epochs": 40, "batch_size": 32, "learning_rate": 0.02, "dropout": 0.1}
every_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
every_trained = pytest.mark.parametrize("family", [f for f in FAMILIES if f.phases], ids=lambda f: f.name)
some_tasks = pytest.mark.parametrize(
    ("family", "kind"),
    [
        *((family, "classification") for family in FAMILIES),
        *((family, kind) for family in (FAMILIES[0], FAMILIES[-1]) for kind in ("regression", "multilabel")),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
"""Each family on classes, one of each kind on all."""


def task_of(kind: str, signal: np.ndarray):
    rows = np.arange(len(signal))
    if kind == "regression":
        values = {"y": signal * 3.0 + 10}
        task = Regression.fit(values, {"y": NUMBER}, rows)
    elif kind == "classification":
        values = {"y": np.array(["a", "b", "c"])[signal]}
        task = Classification.fit(values, {"y": TEXT}, rows)
    else:
        values = {"y": signal > 0, "z": signal > 1}
        task = MultiLabel.fit(values, dict.fromkeys(values, TEXT), rows)
    return task, torch.from_numpy(task.encode(values))


class Made:
    """One family built for texts whose class is the number of tokens 5 and n-grams 3 in them, two at most."""

    def __init__(
        self, family: Family, kind: str = "classification", *, columns: tuple = COLUMNS, folds: int = 3
    ) -> None:
        torch.manual_seed(0)
        random = np.random.default_rng(0)
        signal = random.integers(0, 3, ROWS)
        tokens, grams = (np.zeros((ROWS, n), np.int32) for n in (LENGTH, 6))
        for i, count in enumerate(signal):
            length = random.integers(4, LENGTH + 1)
            tokens[i, :length] = random.integers(6, PIECES, length)
            tokens[i, random.permutation(length)[:count]] = 5
            grams[i, : 3 + count] = [*random.integers(8, GRAMS + 1, 2), 1, 3, 7][: 3 + count]
        weights = np.where(grams > 0, 0.5, 0).astype(np.float32)
        numbers = random.normal(size=(ROWS, 1 if columns else 0)).astype(np.float32)
        categories = random.integers(0, 3, (ROWS, 1 if columns else 0))
        self.inputs = tuple(map(torch.from_numpy, (tokens, grams, weights, numbers, categories)))
        self.schema, self.family = Schema(columns=columns, form=FORM), family
        self.task, self.target = task_of(kind, signal)
        self.fold = torch.arange(ROWS) % 5
        self.fold[self.fold >= folds] = -1
        values = {k: v for k, v in (SMALL | {"grams": GRAMS}).items() if k in family.config.model_fields}
        self.config = family.config(**values)
        self.module = family.build(self.config, self.schema, self.task, nn)

    def take(self, rows: Tensor) -> Batch:
        return Batch(inputs=tuple(x[rows] for x in self.inputs), target=self.target[rows], fold=self.fold[rows])

    @property
    def training(self) -> Batch:
        return self.take(torch.arange(ROWS) if int(self.fold.max()) else torch.nonzero(self.fold < 0).flatten())

    @property
    def validation(self) -> Batch:
        return self.take(torch.nonzero(self.fold >= 0).flatten())

    def train(self, epochs: int = 16) -> "Made":
        args = (self.module, self.config, self.task)
        self.family.prepare(*args, self.training, self.validation)
        if self.family.phases is not None:
            (phase,) = self.family.phases(*args, 3 * epochs, lambda: 0.0)
            for step in range(3 * epochs):
                self.module.train()
                phase.optimizer.zero_grad()
                phase.loss(self.module, self.take(torch.arange(step % 3, ROWS, 3))).backward()
                phase.optimizer.step()
                phase.scheduler.step()
            self.family.finish(*args, self.training, self.validation)
        self.module.eval()
        return self

    def loss(self) -> float:
        with torch.no_grad():
            return float(self.task.losses(self.module(*self.inputs), self.target).mean())


@some_tasks
def test_it_learns(family: Family, kind: str):
    made = Made(family, kind)
    constant = float(made.task.losses(made.target.new_zeros(ROWS, made.task.output_size).float(), made.target).mean())
    made.train()
    assert made.loss() < 0.6 * constant
    outputs = made.module(*made.inputs)
    assert outputs.shape[-1] == made.task.output_size and np.isfinite(made.task.predictions(outputs.detach())).all()


@every_family
def test_padding_changes_no_answer(family: Family):
    made = Made(family).train(2)
    if isinstance(made.module, TextNetwork):
        made.module.shares.copy_(torch.tensor([0.5, 1.0]))
    with torch.no_grad():
        whole = made.module(*made.inputs)
        for i in range(6):
            tokens, grams, weights, *rest = (x[i : i + 1] for x in made.inputs)
            many, some = int((tokens > 0).sum()), int((grams > 0).sum())
            alone = made.module(tokens[:, :many], grams[:, :some], weights[:, :some], *rest)
            assert torch.allclose(alone, whole[i : i + 1], atol=1e-5)
        blank = made.module(*(torch.zeros_like(x[:2]) for x in made.inputs))
        assert torch.isfinite(blank).all()


@some_tasks
def test_weights_survive_a_state_dict_and_the_meta_device(family: Family, kind: str):
    made = Made(family, kind).train(1)
    with torch.device("meta"):
        fresh = family.build(made.config, made.schema, made.task, nn)
    fresh = fresh.to_empty(device="cpu")
    fresh.load_state_dict(made.module.state_dict(), strict=True)
    assert torch.equal(fresh.eval()(*made.inputs), made.module(*made.inputs))


@every_family
def test_texts_alone_and_no_n_grams(family: Family):
    made = Made(family, columns=()).train(1)
    assert torch.isfinite(made.module(*made.inputs)).all()
    tokens, _, _, numbers, categories = made.inputs
    none = torch.zeros(ROWS, 0, dtype=torch.int32), torch.zeros(ROWS, 0)
    made.inputs = (tokens, *none, numbers, categories)
    made.train(1)
    assert torch.isfinite(made.module(*made.inputs)).all()


@every_trained
def test_it_is_never_worse_than_the_linear_branch_on_validation_rows(family: Family):
    made = Made(family).train(1)
    held = made.validation
    unseen = made.module.unseen(held.fold)
    deep = (members_say(made.module, held.inputs) * unseen[..., None]).sum(1) / unseen.sum(1, keepdim=True)
    known, alone = unseen.any(1), made.module.unseen_wide(held.inputs)
    sureness, share = made.module.shares
    wide, both = (made.task.losses(x, held.target)[known].mean() for x in (alone, sureness * alone + share * deep))
    assert both <= wide + 1e-6


@every_trained
def test_a_member_never_trains_on_its_fold(family: Family):
    made = Made(family)
    made.family.prepare(made.module, made.config, made.task, made.training, made.validation)
    (phase,) = made.family.phases(made.module, made.config, made.task, 10, lambda: 0.0)
    own = made.take(torch.nonzero(made.fold == 1).flatten())
    made.module.eval()
    phase.loss(made.module, own).backward()
    slopes = [sum(float(p.grad.abs().sum()) for p in r.parameters() if p.grad is not None) for r in made.module.readers]
    assert slopes[1] == 0 and slopes[0] > 0
    judged = made.family.judge(made.module, made.config, made.task, own)
    with torch.no_grad():
        said = made.module.unseen_wide(own.inputs)[:, None] + members_say(made.module, own.inputs)
        mine = made.task.losses(said, own.target)[:, 1]
    assert torch.allclose(judged, mine)


@every_trained
def test_one_fold_and_the_end_of_the_time(family: Family):
    made = Made(family, folds=1).train(1)
    assert made.module.folds == 1 and made.module.unseen(made.validation.fold).all()
    (phase,) = made.family.phases(made.module, made.config, made.task, 10, lambda: 1.0)
    for _ in range(3):
        phase.optimizer.step()
        phase.scheduler.step()
    assert phase.scheduler.get_last_lr()[0] <= made.config.learning_rate * 1.1e-3
    judged = made.family.judge(made.module, made.config, made.task, made.validation)
    assert judged.shape == (len(made.validation),)


@pytest.mark.parametrize("at_once", [10**6, 1], ids=["together", "apart"])
def test_each_fit_is_the_optimum_and_has_not_seen_its_side(at_once: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("netwright.families.text.wide.MOST_WEIGHTS", at_once)
    made = Made(FAMILIES[-1])
    grams, weights, flat = made.inputs[1], made.inputs[2], made.module.table(*made.inputs[3:])
    grams = torch.where(grams > 0, torch.randint(1, GRAMS + 1, grams.shape, dtype=torch.int32), 0)
    sides = fit_wide(made.module.wide, made.task, (grams, weights, flat), made.target, penalty=1.0)
    side = side_of(grams, SIDES)
    dense = torch.zeros(ROWS, GRAMS + 1).scatter_add_(1, grams.long(), weights)
    x = torch.cat([dense[:, 1:], flat], 1).numpy()
    from sklearn.linear_model import LogisticRegression

    assert sides.penalty == 1.0 and len(set(side.tolist())) == SIDES
    for left_out in (None, *range(SIDES)):
        rows = slice(None) if left_out is None else side != left_out
        other = LogisticRegression(C=1.0, tol=1e-6, max_iter=500).fit(x[rows], made.target[rows])
        where = slice(None) if left_out is None else side == left_out
        fitted = made.module.wide if left_out is None else sides
        mine = fitted(grams[where], weights[where], flat[where])
        assert np.allclose(mine.softmax(1).numpy(), other.predict_proba(x[where]), atol=0.01)


@pytest.mark.parametrize("rows", [1, 40, 5000, 25_000, 10_000_000])
@pytest.mark.parametrize("length", [3, 64, 256, 4096])
def test_defaults_suit_any_size(rows: int, length: int):
    task, _ = task_of("classification", np.array([0, 1, 2, 1]))
    schema = Schema(columns=(), form=FORM.model_copy(update={"length": length}))
    for family in FAMILIES:
        config = family.defaults(rows, 3, schema, task)
        assert family.config.model_validate(config.model_dump()) == config
        folds, share = family.folds(rows, {})
        assert folds * share < 1
        if isinstance(config, TextConfig):
            assert config.epochs >= 1 and 8 <= config.batch_size <= 256
    assert sizes.defaults(25_000, 3, schema, task).members == 1 or length < 256


def test_a_run_that_is_resumed_is_prepared_the_same():
    first, again = Made(FAMILIES[0]), Made(FAMILIES[0])
    for made in (first, again, again):
        made.family.prepare(made.module, made.config, made.task, made.training, made.validation)
    assert torch.equal(first.module.unseen_wide(first.inputs), again.module.unseen_wide(again.inputs))
    assert torch.equal(first.module.wide.weight, again.module.wide.weight)


def test_hidden_words_are_hidden_in_training_alone():
    torch.manual_seed(0)
    reader = Reader("transformer", PIECES, 0, 2, width=16, depth=1, dropout=0.0, word_dropout=0.9)
    tokens, flat = torch.randint(2, PIECES, (4, 8), dtype=torch.int32), torch.zeros(4, 0)
    reader.eval()
    assert torch.equal(reader(tokens, flat), reader(tokens, flat))
    assert not torch.allclose(reader.train()(tokens, flat), reader.eval()(tokens, flat))


def test_with_very_many_outputs_the_branch_sees_fewer_n_grams(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("netwright.families.text.wide.LARGEST", 3 * 6)
    made = Made(FAMILIES[-1])
    for family in (FAMILIES[0], FAMILIES[-1]):
        assert family.defaults(ROWS, 3, made.schema, made.task).grams == 5
    made.config = made.config.model_copy(update={"grams": 5})
    made.module = made.family.build(made.config, made.schema, made.task, nn)
    made.train()
    assert made.module.wide.weight.shape == (6, 3)
    grams = made.inputs[1]
    assert (grams >= 6).any() and torch.isfinite(made.module(*made.inputs)).all() and made.loss() < 1


def test_names_are_read_letter_by_letter_by_recurrent_layers():
    task, _ = task_of("classification", np.array([0, 1, 2, 1]))
    for length, kind in ((12, Recurrent), (80, Encoder)):
        schema = Schema(columns=(), form=FORM.model_copy(update={"length": length}))
        config = FAMILIES[0].defaults(5000, 3, schema, task)
        module = FAMILIES[0].build(config, schema, task, nn)
        assert sum(isinstance(part, kind) for part in module.modules()) == config.members


def test_without_validation_rows_there_is_still_an_answer():
    made = Made(FAMILIES[-1])
    none = made.take(torch.arange(0))
    made.family.prepare(made.module, made.config, made.task, made.take(torch.arange(ROWS)), none)
    assert made.loss() < 1
