"""The bag: members that know nothing of each other, of their own fold, or of rows that do not train."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from netwright.core.batch import Batch
from netwright.core.cells import CellType
from netwright.families.mlp import MLP
from netwright.families.tabular import (
    NOWHERE,
    ONE_HOT_LIMIT,
    MemberLinear,
    NumberEmbedding,
    TabularConfig,
    TabularNetwork,
    phases,
    prepare,
)
from netwright.tasks import Regression

TASK = Regression(
    targets=("y",), cells=(CellType(kind="number"),), center=(0.0,), scale=(1.0,), lowest=(0.0,), highest=(1.0,)
)
CARDINALITIES = [3, ONE_HOT_LIMIT, ONE_HOT_LIMIT + 1, 40]


def batch(rows: int = 64, members: int = 4, seed: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.randn(rows, 3, generator=generator)
    categories = torch.stack([torch.randint(0, n, (rows,), generator=generator) for n in CARDINALITIES], 1)
    return Batch(inputs=(numbers, categories), target=numbers[:, :1] * 2, fold=torch.arange(rows) % members)


def network(members: int = 4, **changes) -> TabularNetwork:
    torch.manual_seed(0)
    return TabularNetwork(
        3, CARDINALITIES, 1, **{"members": members, "hidden_sizes": (8, 8), "dropout": 0.0, "bins": 5} | changes
    )


def loss_of(module: TabularNetwork, given: Batch) -> Tensor:
    module.numbers.set_bins(batch().inputs[0])
    (phase,) = phases(module, TabularConfig(members=module.members), TASK, 10, lambda: 0.0)
    return phase.loss(module, given)


def test_every_parameter_has_the_members_first():
    module = network()
    assert all(len(p) == 4 for p in module.parameters())
    assert module(*batch().inputs).shape == (64, 4, 1)


def test_a_member_is_an_ordinary_perceptron_on_its_own_features():
    module = network()
    module.numbers.set_bins(batch().inputs[0])
    features = module.embed(*batch().inputs)
    outputs = module(*batch().inputs)
    for k in range(4):
        plain = MLP(features.shape[2], (8, 8), 1, activation="silu")
        for layer, ours in zip(plain.layers, [*module.hidden, module.head], strict=True):
            layer.weight.data, layer.bias.data = ours.weight[k].T.clone(), ours.bias[k, 0].clone()
        assert torch.allclose(plain(features[k]), outputs[:, k], atol=1e-5)


@pytest.mark.parametrize("fold", range(4))
def test_a_member_learns_nothing_from_its_own_fold(fold: int):
    module, given = network(), batch()
    alone = Batch(inputs=given.inputs, target=given.target, fold=torch.full((64,), fold))
    loss_of(module, alone).backward()
    for name, parameter in module.named_parameters():
        assert (parameter.grad[fold] == 0).all(), name
        others = [k for k in range(4) if k != fold]
        assert (parameter.grad[others] != 0).any(), name


def test_changing_rows_of_a_fold_changes_nothing_for_its_member():
    module, given = network(), batch()
    gradients = []
    for target in (given.target, torch.where(given.fold[:, None] == 2, 1e3, given.target)):
        module.zero_grad()
        loss_of(module, Batch(inputs=given.inputs, target=target, fold=given.fold)).backward()
        gradients.append([p.grad.clone() for p in module.parameters()])
    for before, after in zip(*gradients, strict=True):
        assert torch.equal(before[2], after[2])
    assert not torch.equal(gradients[0][-1][0], gradients[1][-1][0])


def test_members_know_nothing_of_each_other():
    module, given = network(), batch()
    outputs = module(*given.inputs)
    outputs[:, 1].sum().backward()
    for name, parameter in module.named_parameters():
        assert (parameter.grad[[0, 2, 3]] == 0).all(), name


def test_the_loss_is_the_mean_over_members_of_the_mean_over_their_rows():
    module, given = network(), batch()
    module.numbers.set_bins(given.inputs[0])
    squares = (module(*given.inputs)[..., 0] - given.target).square()
    expected = torch.stack([squares[given.fold != k, k].mean() for k in range(4)]).mean()
    assert torch.allclose(loss_of(module, given), expected)
    outside = Batch(inputs=given.inputs, target=given.target, fold=torch.full((64,), -1))
    assert torch.allclose(loss_of(module, outside), squares.mean())


def test_bins_lie_at_quantiles_of_the_training_rows_alone():
    module, training, other = network(), batch(), batch(seed=1)
    prepare(module, TabularConfig(members=4), TASK, training, other)
    edges = torch.quantile(training.inputs[0][:, 0], torch.linspace(0, 1, 6))
    assert torch.allclose(module.numbers.left[0], edges[:-1]) and torch.allclose(module.numbers.width[0], edges.diff())
    again = network()
    prepare(again, TabularConfig(members=4), TASK, training, batch(seed=2))
    assert torch.equal(again.numbers.left, module.numbers.left)


def test_bins_of_a_column_with_few_values():
    embedding = NumberEmbedding(2, 3, 6, 4)
    numbers = torch.stack([torch.tensor([0.0, 1.0] * 10), torch.full((20,), 5.0), torch.linspace(0, 1, 20)], 1)
    embedding.set_bins(numbers)
    assert (embedding.left[0] != NOWHERE).sum() <= 4 and embedding.left[0, 0] == 0
    assert (embedding.left[1] == NOWHERE).all(), "a constant has no bin"
    assert (embedding.width > 0).all() and torch.isfinite(embedding(numbers)).all()
    embedding.set_bins(torch.ones(4, 3))
    assert (embedding.left == NOWHERE).all() and (embedding.width == 1).all(), "old bins are forgotten"


def test_a_number_is_a_piecewise_linear_function():
    torch.manual_seed(0)
    embedding = NumberEmbedding(2, 1, 3, 4)
    embedding.set_bins(torch.tensor([[0.0], [1.0], [3.0], [6.0]]))
    weight, bias = embedding.weight[1, 0], embedding.bias[1, 0]
    got = embedding(torch.tensor([[-9.0], [0.5], [2.0], [99.0]]))
    assert got.shape == (2, 4, 4)
    filled = torch.tensor([[0, 0, 0], [0.5, 0, 0], [1, 0.5, 0], [1, 1, 1]], dtype=torch.float)
    assert torch.allclose(got[1], filled @ weight + bias, atol=1e-6)


def test_columns_of_numbers_do_not_mix():
    torch.manual_seed(0)
    embedding = NumberEmbedding(2, 3, 4, 5)
    numbers = torch.randn(30, 3)
    embedding.set_bins(numbers)
    moved = numbers.clone()
    moved[:, 1] += 0.3
    differs = (embedding(numbers) != embedding(moved)).any(0).any(0).view(3, 5).any(1)
    assert differs.tolist() == [False, True, False]


def test_unseen_and_other_categories_each_have_their_place():
    module = network(members=1)
    numbers = torch.zeros(1, 3)
    for column, places in enumerate(CARDINALITIES):
        seen = set()
        for index in range(places):
            row = torch.zeros(1, len(CARDINALITIES), dtype=torch.long)
            row[0, column] = index
            features = module.embed(numbers, row)[0, 0]
            seen.add(tuple(features.tolist()))
        assert len(seen) == places
    start = 3 + 3 * 4
    assert (module.embed(numbers, torch.zeros(1, 4, dtype=torch.long))[:, :, start:] == 0).all(), "unseen is all zeros"


def test_without_number_embeddings():
    module = network(number_width=0)
    assert module.numbers is None and torch.isfinite(module(*batch().inputs)).all()
    prepare(module, TabularConfig(members=4, number_width=0), TASK, batch(), batch())


def test_dropout_keeps_the_mean_and_is_off_in_eval():
    module = network(dropout=0.4)
    x = torch.ones(4, 2000, 3)
    dropped = module.drop(x)
    assert dropped.mean() == pytest.approx(1, abs=0.05)
    assert sorted(dropped.unique().tolist()) == pytest.approx([0, 1 / 0.6])
    assert torch.equal(module.eval().drop(x), x)


def test_the_rate_falls_with_steps_or_with_time():
    module, spent = network(), [0.0]
    (phase,) = phases(module, TabularConfig(members=4), TASK, 10, lambda: spent[0])
    rates = []
    for time in [0.0] * 5 + [0.9, 1.0]:
        rates.append(phase.optimizer.param_groups[0]["lr"])
        spent[0] = time
        phase.optimizer.step()
        phase.scheduler.step()
    assert all(a > b for a, b in pairwise(rates))
    assert phase.optimizer.param_groups[0]["lr"] == pytest.approx(0, abs=1e-9), "out of time, out of rate"


def test_biases_do_not_decay():
    module = network()
    (phase,) = phases(module, TabularConfig(members=4), TASK, 10, lambda: 0.0)
    names = {id(p): name for name, p in module.named_parameters()}
    for group in phase.optimizer.param_groups:
        for parameter in group["params"]:
            assert (group["weight_decay"] == 0) == names[id(parameter)].endswith("bias")


def test_print_tells_the_sizes():
    text = str(network())
    assert "4 members, 8 → 8" in text and "4 members, 3 numbers, 5 bins → 4" in text
    assert isinstance(network().head, MemberLinear) and isinstance(network(), nn.Module)
