"""Every family built from torch.nn and from `netwright.layers`: one module tree, one state_dict, the same numbers."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import netwright as nw
from netwright import layers
from netwright.api.fitting import to_batches
from netwright.api.rows import Sources
from netwright.api.train import prepare
from netwright.core.batch import Batch
from netwright.core.settings import Settings
from netwright.families.family import Family
from netwright.families.registry import FAMILIES
from tests.api.pictures import arrays_of
from tests.batteries.kinds import KINDS, asked, small

RNG = np.random.default_rng(0)
TABLE = {
    "a": RNG.normal(size=90),
    "b": ["red", "blue", "green"] * 30,
    "y": RNG.normal(size=90),
    "z": ["no", "yes"] * 45,
}
CASES = {
    f"{family.name}-{data}-{task}": (family, data, task)
    for family in FAMILIES
    for data, tasks in family.fits.items()
    for task in (tasks if data in ("table", "image") else tasks[:1])
    if family.name != "bert" and (task not in ("regression", "multilabel") or data == "table")
}


CONTAINERS = {
    "Identity",
    "Sequential",
    "ModuleList",
    "ModuleDict",
    "ParameterDict",
    "ParameterList",
    "Unflatten",
    "PixelShuffle",
    "PixelUnshuffle",
}
"""What computes nothing: containers, and the order of numbers."""


def settings_of(family: Family, data: str, task: str) -> tuple[object, Settings]:
    """A source, and what is asked of it."""
    own = {"family": family.name, "config": small(family), "task": task}
    target = {"regression": ("y",), "classification": ("z",), "multilabel": ("z",)}.get(task, ())
    if data == "table":
        used = TABLE if task != "multilabel" else TABLE | {"z": [True, False] * 45}
        return used, Settings(source="table", target=target, **own)
    if data == "image":
        pictures, labels = arrays_of(8)
        return (pictures, labels), Settings(source="table", **own)
    del own["task"]
    return None, Settings(source="table", **own, **asked(data))


@pytest.mark.parametrize(("family", "data", "task"), CASES.values(), ids=CASES)
def test_weights_and_numbers_are_those_of_torch(family: Family, data: str, task: str, tmp_path: Path):
    source, settings = settings_of(family, data, task)
    source = KINDS[data].make(tmp_path) if source is None else source
    ready = prepare(Sources(training=source), settings)
    theirs, ours = (built(family, ready, namespace) for namespace in (nn, layers))
    assert tree(ours) == tree(theirs)
    for a, b in zip(ours.state_dict().items(), theirs.state_dict().items(), strict=True):
        assert a[0] == b[0] and a[1].dtype == b[1].dtype and torch.equal(a[1], b[1]), f"{a[0]} starts elsewhere"
    assert {type(m).__name__ for m in ours.modules() if type(m).__module__.startswith("torch.nn")} <= CONTAINERS
    batch = next(iter(to_batches(ready.rows, ready.config, torch.device("cpu")).epoch(0)))
    if family.prepare is not None:
        with torch.random.fork_rng():
            family.prepare(theirs, ready.config, ready.rows.task, batch, batch)
        ours.load_state_dict(theirs.state_dict())
    theirs.load_state_dict(ours.state_dict())
    for module in (ours, theirs):
        module.train()
    if family.phases is not None:
        for mine, other in zip(*(gradients(family, ready, m, batch) for m in (ours, theirs)), strict=True):
            assert (mine is None) == (other is None)
            if mine is not None and other is not None:
                torch.testing.assert_close(mine, other, rtol=1e-3, atol=1e-4 * max(1e-3, float(other.abs().max())))


def built(family: Family, ready, namespace) -> nn.Module:
    torch.manual_seed(0)
    return family.build(ready.config, ready.rows.schema, ready.rows.task, namespace)


def tree(module: nn.Module) -> list[tuple[str, str]]:
    return [(name, type(part).__name__) for name, part in module.named_modules()]


def gradients(family: Family, ready, module: nn.Module, batch: Batch) -> list:
    """Of the loss of every phase, for every weight it trains."""
    found = []
    torch.manual_seed(1)
    module = copy.deepcopy(module)
    phases = family.phases(module, ready.config, ready.rows.task, 100, lambda: 0.0)
    shared = (family.share(module, batch),) if family.share else ()
    for phase in phases:
        weights = [p for group in phase.optimizer.param_groups for p in group["params"] if p.requires_grad]
        loss = phase.loss(module, batch, *shared)
        value = getattr(loss, "value", loss)
        found += [value.detach()[None]]
        found += torch.autograd.grad(value, weights, allow_unused=True, retain_graph=True)
    return [None if g is None else g.detach() for g in found]


@pytest.mark.parametrize("data", ["table", "image", *KINDS])
def test_a_run_with_layers_by_hand(data: str, tmp_path: Path):
    names = {
        "table": "mlp",
        "image": "cnn",
        "sequence": "lstm",
        "series": "gru",
        "text": "rnn",
        "corpus": "transformer",
    }
    family = next(f for f in FAMILIES if f.name == names[data] and data in f.fits)
    if data == "table":
        source, more = TABLE, {"target": "z"}
    elif data == "image":
        source, more = arrays_of(8), {}
    else:
        source, more = KINDS[data].make(tmp_path), KINDS[data].asked
    given = {"family": names[data], "config": small(family) | {"epochs": 2}, **more}
    run = nw.train(source, output=tmp_path / "run", layers=layers, **given)
    modules = [type(m).__module__ for m in nw.load(run.path).module.modules()]
    assert any(name.startswith("netwright.layers.") for name in modules)
    assert 'layers = "netwright.layers"' in (run.path / "settings.toml").read_text()
    state = nw.load(run.path).module.state_dict()
    for name, tensor in run.predictor.module.state_dict().items():
        assert torch.equal(tensor, state[name])
