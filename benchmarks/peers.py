"""The competitors of `engine.py`, each behind one function, and the process that runs one of them.

A competitor is `(case) -> run`, and `run(epochs)` trains for two epochs or more from the first weights and gives the
seconds of one step in the steady state: what a trainer needs to begin, and its first epoch, are left out.

    python benchmarks/peers.py COMPETITOR CASE

answers one JSON line on stdout for each on stdin: `{"epochs": n}` with the seconds of a step and of the call,
`{"whole": n}` with the seconds of the whole call of n epochs and the peak memory of the process in MB.
"""

import json
import os
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from modules import CASES, ByIndex, Case, fit, loop, train
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

Run = Callable[[int], float]
Trainer = Callable[[Case, nn.Module, tuple[torch.Tensor, ...], int], Any]


class Marks:
    """When each epoch ended."""

    def __init__(self, case: Case):
        self.steps = case.steps
        self.times: list[float] = []

    def mark(self, *_: Any, **__: Any) -> None:
        """Call this at the end of an epoch."""
        self.times.append(time.perf_counter())

    def step(self) -> float:
        """Seconds of one step, from the end of the first epoch to that of the last."""
        return (self.times[-1] - self.times[0]) / (len(self.times) - 1) / self.steps


# Loops written by hand


def by_loop(trainer: Trainer, wrap: Callable[[nn.Module], Any] = lambda module: module) -> Callable[[Case], Run]:
    """A loop, timed as a whole: nothing of it is a beginning."""

    def competitor(case: Case) -> Run:
        module, data = case.make(), case.data(case.rows, 0)
        first = {name: value.clone() for name, value in module.state_dict().items()}
        wrapped = wrap(module)

        def run(epochs: int) -> float:
            module.load_state_dict(first)
            began = time.perf_counter()
            trainer(case, wrapped, data, epochs)
            return (time.perf_counter() - began) / (epochs * case.steps)

        return run

    return competitor


def loop_by_index(case: Case, module: nn.Module, data: tuple[torch.Tensor, ...], epochs: int) -> list[float]:
    """The tutorial's loop, its batches taken by index."""
    return train(case, module, ByIndex(data, case.batch_size or case.rows), epochs)


# netwright


def netwright(plan: str, **options: Any) -> Callable[[Case], Run]:
    """`netwright.fit`; a step's seconds are those its records give for the second half of the epochs."""

    def competitor(case: Case) -> Run:
        data = case.data(case.rows, 0)

        def run(epochs: int) -> float:
            done = fit(case, case.make(), data, epochs, plan=plan, **options)
            ran = done.plan.stretches[-1].plan.tier
            if plan not in {"auto", ran}:
                raise RuntimeError(f"ran {ran}: {done.plan}")
            late = list(done.history)[epochs // 2 :]
            return sum(record.seconds for record in late) / (len(late) * case.steps)

        return run

    return competitor


# Peers that train a torch module


def loader(case: Case) -> DataLoader:
    data = TensorDataset(*case.data(case.rows, 0))
    return DataLoader(data, batch_size=case.batch_size or case.rows, shuffle=case.batch_size is not None)


def lightning(case: Case) -> Run:
    import lightning as L

    class Lit(L.LightningModule):
        def __init__(self):
            super().__init__()
            self.model = case.make()

        def training_step(self, batch, batch_idx):
            return case.loss(self.model(batch[0]), batch[-1])

        def configure_optimizers(self):
            return case.optimizer(self.parameters())

    class Clock(L.Callback):
        def on_train_epoch_end(self, trainer, pl_module):
            marks.mark()

    def run(epochs: int) -> float:
        marks.times.clear()
        quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
        L.Trainer(max_epochs=epochs, accelerator="cpu", callbacks=[Clock()], **quiet).fit(Lit(), loader(case))
        return marks.step()

    marks = Marks(case)
    return run


def skorch(case: Case) -> Run:
    from skorch import NeuralNet
    from skorch.callbacks import Callback

    class Clock(Callback):
        def on_epoch_end(self, net, **_):
            marks.mark()

    def run(epochs: int) -> float:
        marks.times.clear()
        net = NeuralNet(
            case.make(),
            criterion=case.loss,
            optimizer=case.optimizer,
            lr=case.optimizer.keywords["lr"],
            batch_size=case.batch_size or -1,
            iterator_train__shuffle=case.batch_size is not None,
            max_epochs=epochs,
            train_split=None,
            verbose=0,
            callbacks=[Clock()],
        )
        net.fit(x.numpy(), y.numpy())
        return marks.step()

    marks, data = Marks(case), case.data(case.rows, 0)
    x, y = data[0], data[-1]
    return run


def hf_trainer(case: Case) -> Run:
    from transformers import Trainer, TrainerCallback, TrainingArguments

    class Wrapped(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = case.make()

        def forward(self, x, labels):
            output = self.model(x)
            return {"loss": case.loss(output, labels), "logits": output}

    class Clock(TrainerCallback):
        def on_epoch_end(self, args, state, control, **_):
            marks.mark()

    def run(epochs: int) -> float:
        marks.times.clear()
        arguments = TrainingArguments(
            output_dir=folder,
            num_train_epochs=epochs,
            per_device_train_batch_size=case.batch_size or case.rows,
            use_cpu=True,
            max_grad_norm=0,
            **dict.fromkeys(("logging_strategy", "save_strategy"), "no"),
            report_to="none",
            disable_tqdm=True,
        )
        model = Wrapped()
        constant = torch.optim.lr_scheduler.ConstantLR
        optimizer = case.optimizer(model.parameters())
        optimizers = (optimizer, constant(optimizer, factor=1.0))
        Trainer(model, arguments, train_dataset=rows, optimizers=optimizers, callbacks=[Clock()]).train()
        return marks.step()

    folder, data = tempfile.mkdtemp(), case.data(case.rows, 0)
    marks, rows = Marks(case), [{"x": x, "labels": y} for x, y in zip(data[0], data[-1], strict=True)]
    return run


def sklearn_mlp(case: Case) -> Run:
    """MLPClassifier or MLPRegressor. It has no record of its epochs, and hardly a beginning: the whole fit is timed."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    hidden = {"linear_regression": (), "mlp": (50,), "mlp_list": (64, 32)}[case.name]
    x, y = (tensor.numpy() for tensor in case.data(case.rows, 0))
    make, y = (MLPClassifier, y) if y.ndim == 1 else (MLPRegressor, y.ravel())
    own = {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 0.01} if case.batch_size is None else {}

    def run(epochs: int) -> float:
        size = {"hidden_layer_sizes": hidden, "batch_size": case.batch_size or case.rows, "alpha": 0.0}
        model = make(max_iter=epochs, tol=0.0, n_iter_no_change=epochs + 1, **size, **own)
        began = time.perf_counter()
        model.fit(x, y)
        return (time.perf_counter() - began) / (epochs * case.steps)

    return run


# All of them


@dataclass(frozen=True)
class Competitor:
    """`cases`: those it is measured on, None for all. `peer`: it lives in the peers' own environment."""

    start: Callable[[Case], Run]
    cases: frozenset[str] | None = None
    peer: bool = False


def keras(case: Case) -> Run:
    from peers_arrays import keras

    return keras(case)


def jax_scan(case: Case) -> Run:
    from peers_arrays import jax_scan

    return jax_scan(case)


DENSE = frozenset({"linear_regression", "mlp", "mlp_list", "autoencoder"})
BATCHED = frozenset(name for name, case in CASES.items() if case.batch_size)

COMPETITORS: dict[str, Competitor] = {
    "DataLoader loop": Competitor(by_loop(loop)),
    "loop by index": Competitor(by_loop(loop_by_index), BATCHED),
    "torch.compile loop": Competitor(by_loop(loop, torch.compile), frozenset(CASES) - {"gan"}),
    "netwright eager": Competitor(netwright("eager")),
    "netwright traced": Competitor(netwright("traced")),
    "netwright compiled": Competitor(netwright("compiled")),
    "netwright": Competitor(netwright("auto")),
    "netwright with bfloat16": Competitor(netwright("auto", precision="bfloat16"), frozenset({"cnn32"})),
    "Lightning": Competitor(lightning, DENSE | {"cnn32", "lstm"}, peer=True),
    "skorch": Competitor(skorch, DENSE | {"cnn32", "lstm"}, peer=True),
    "Keras on torch": Competitor(keras, DENSE | {"cnn32"}, peer=True),
    "Keras on JAX": Competitor(keras, DENSE | {"cnn32"}, peer=True),
    "HF Trainer": Competitor(hf_trainer, frozenset({"mlp", "mlp_list", "cnn32"}), peer=True),
    "scikit-learn MLP": Competitor(sklearn_mlp, frozenset({"linear_regression", "mlp", "mlp_list"}), peer=True),
    "JAX jit + scan": Competitor(jax_scan, DENSE | {"cnn32"}, peer=True),
}
"""In the order of the tables. The first is what all others are held against."""

WHOLE: dict[str, Trainer] = {
    "DataLoader loop": loop,
    "netwright": fit,
    "netwright with bfloat16": partial(fit, precision="bfloat16"),
}
"""Those whose whole call is timed, each time in a new process."""


# The process


def whole(name: str, case: Case, epochs: int) -> dict[str, float]:
    """The whole call from the module and its data to the trained module, and the peak memory of the process."""
    module, data = case.make(), case.data(case.rows, 0)
    case.optimizer(case.make().parameters())  # a process's first optimizer imports Dynamo: a second that both would pay
    if name != "DataLoader loop":
        import netwright  # noqa: F401
    began = time.perf_counter()
    done = WHOLE[name](case, module, data, epochs)
    seconds = time.perf_counter() - began
    peak, child = (resource.getrusage(who).ru_maxrss / 1e3 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    plan = str(getattr(done, "plan", ""))
    return {"steps": epochs * case.steps, "seconds": seconds, "peak": peak, "child": child, "plan": plan}


def answer(name: str, case: Case, run: Run | None, asked: dict[str, int]) -> tuple[Run | None, dict[str, Any]]:
    """What one line asks for. The competitor is started by its first line of epochs."""
    if "whole" in asked:
        return run, whole(name, case, asked["whole"])
    began = time.perf_counter()
    run = run or COMPETITORS[name].start(case)
    step = run(asked["epochs"])
    return run, {"step": step, "seconds": time.perf_counter() - began}


def main() -> None:
    name, case = sys.argv[1], CASES[sys.argv[2]]
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not get between the replies
    warnings.simplefilter("ignore")
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    torch.manual_seed(0)
    run = None
    for line in sys.stdin:
        try:
            run, reply = answer(name, case, run, json.loads(line))
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), file=replies, flush=True)


if __name__ == "__main__":
    main()
