"""The layer that is checked, whatever it is made of, as a function of named tensors."""

import copy
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from netwright.core import trees
from netwright.doctor.layer.held import held
from netwright.doctor.layer.named import argument_names, by_name
from netwright.doctor.layer.pair import Pair
from netwright.doctor.layer.tensors import cast, drawn, leaf_of

Sources = dict[str, Tensor]
"""By name ("input 0", "weight"): the leaves that are differentiated."""
Gradients = dict[str, Tensor | None]


@dataclass
class Base:
    """One forward and one backward pass on the inputs as they were given, in the subject's numbers."""

    sources: Sources
    outputs: tuple[Tensor, ...]
    cotangents: list[Tensor | None]
    gradients: Gradients


@dataclass
class Subject:
    """A layer and example inputs. `layer` and `inputs` are the check's own copies."""

    name: str
    kind: Literal["function", "module", "pair"]
    layer: Any
    inputs: tuple
    seed: int = 0
    dtype: torch.dtype = torch.float64
    constants: frozenset[str] = frozenset()
    """Names of float inputs that are not differentiated."""
    pair: Pair | None = None
    written_into: bool = False
    """The layer writes into what it is given: it gets copies."""
    copied: bool = True
    """Inputs that are not differentiated are copied for each call."""
    seeding: bool = True
    """Random numbers start from the seed at each call."""
    weights: dict[str, nn.Parameter] = field(default_factory=dict)
    """By name: a module's parameters that are trained, as they were before any run; not complex ones."""
    broken: bool = False
    """Backward raises."""
    wrong: bool = False
    """The first derivative was found wrong."""

    def __post_init__(self) -> None:
        """Know the weights, which runs replace."""
        if not self.weights:
            named = module_of(self).named_parameters()
            self.weights = {name: p for name, p in named if p.requires_grad and p.is_floating_point()}

    def sources(self) -> Sources:
        """Fresh leaves, with the numbers of the inputs and the parameters."""
        found = {
            name: leaf for name, leaf in by_name(self.inputs) if leaf.is_floating_point() and name not in self.constants
        }
        leaves = {name: leaf_of(t, self.dtype) for name, t in found.items()}
        return leaves | {name: nn.Parameter(leaf_of(p, self.dtype).detach()) for name, p in self.weights.items()}

    def arguments(self, sources: Sources) -> tuple:
        """The inputs, with the sources in their places."""
        names = iter(self.labels)

        def placed(leaf: Tensor) -> Tensor:
            source = sources.get(next(names))
            if source is not None:
                return source.clone() if self.written_into else source
            leaf = cast(leaf, self.dtype)
            return leaf.clone() if self.copied else leaf

        return trees.mapped(placed, self.inputs)

    def run(self, sources: Sources) -> tuple[Tensor, ...]:
        """The layer's output tensors, for these numbers. Random numbers start from the seed; buffers stay."""
        self.seeded()
        if self.kind == "module" and not self.written_into:
            weights = {name: s for name, s in sources.items() if isinstance(s, nn.Parameter)}
            if weights.keys() == self.weights.keys():
                with held(self.layer, weights):
                    return self.leaves_of(self.layer(*self.arguments(sources)))
        return self.leaves_of(self.called(self.layer, self.arguments(sources), sources))

    def leaves_of(self, tree: Any) -> tuple[Tensor, ...]:
        """The tensors of what a layer takes or gives."""
        return tuple(trees.leaves(tree))

    def called(self, layer: Any, arguments: tuple, sources: Sources) -> Any:
        """What the layer gives, as it gives it."""
        if self.kind != "module":
            return layer.apply(*arguments)
        state = {name: sources.get(name, p) for name, p in layer.named_parameters()}
        if self.written_into:
            state = {name: p.clone() for name, p in state.items()}
        state |= {name: buffer.clone() for name, buffer in layer.named_buffers()}
        return torch.func.functional_call(layer, state, arguments)

    def seeded(self) -> None:
        """Start the random numbers the layer may draw."""
        if not self.seeding:
            return
        random.seed(self.seed)
        np.random.seed(self.seed % 2**32)
        torch.default_generator.manual_seed(self.seed)  # torch.manual_seed asks every kind of device
        if self.device.type == "cuda":
            torch.cuda.manual_seed_all(self.seed)

    def cotangents(self, outputs: Sequence[Tensor], seed: int = 1) -> list[Tensor | None]:
        """Gradients of a loss by the outputs, drawn; None for outputs without."""
        return [drawn(o, self.seed + seed + i) if o.requires_grad else None for i, o in enumerate(outputs)]

    def gradients(
        self, sources: Sources, outputs: Sequence[Tensor], cotangents: Sequence[Tensor | None], **options: Any
    ) -> Gradients:
        """What autograd, with the layer's backward, gives for each source. `options` are torch.autograd.grad's."""
        joined = [(o, c) for o, c in zip(outputs, cotangents, strict=True) if c is not None]
        if not joined:
            return dict.fromkeys(sources)
        wanted = [s for s in sources.values() if s.requires_grad]
        found = iter(
            torch.autograd.grad([o for o, _ in joined], wanted, [c for _, c in joined], allow_unused=True, **options)
        )
        return {name: next(found) if s.requires_grad else None for name, s in sources.items()}

    def passes(self) -> Base:
        """One forward and one backward pass."""
        sources = self.sources()
        outputs = self.run(sources)
        cotangents = self.cotangents(outputs)
        return Base(sources, outputs, cotangents, self.gradients(sources, outputs, cotangents, retain_graph=True))

    @cached_property
    def base(self) -> Base:
        """Those passes, done once. Raises whatever the layer raises."""
        return self.passes()

    def leave_out(self, names: Sequence[str]) -> None:
        """Differentiate these inputs no more."""
        self.constants |= frozenset(names)
        self.__dict__.pop("base", None)

    @property
    def labels(self) -> list[str]:
        """The names of the tensors in the inputs, in order."""
        return [name for name, _ in by_name(self.inputs)]

    @property
    def device(self) -> torch.device:
        """Where the layer's tensors are."""
        tensors = [*trees.leaves(self.inputs), *(self.layer.parameters() if self.kind == "module" else [])]
        return tensors[0].device if tensors else torch.device("cpu")

    @property
    def tolerance(self) -> float:
        """What numbers that should be the same may differ by, of the largest."""
        return 1e-9 if self.dtype == torch.float64 else 1e-4

    def shown(self, name: str) -> str:
        """A source as a person reads it: `input 1 (weight)` where forward's argument has a name."""
        number = name.removeprefix("input ").split(".")[0]
        if name in self.labels and int(number) < len(self.words) and self.words[int(number)]:
            return f"{name} ({self.words[int(number)]})"
        return name

    @cached_property
    def words(self) -> list[str]:
        """The names forward gives its arguments; "" where it gives none."""
        return argument_names(self.pair[0] if self.pair else self.layer)

    def given(self, inputs: Sequence[Any]) -> "Subject":
        """The same layer on other inputs."""
        return replace(self, inputs=tuple(inputs))

    def placed(self, leaves: dict[str, Tensor]) -> "Subject":
        """The same layer, with other tensors for the inputs of these names."""
        names = iter(self.labels)
        return self.given(trees.mapped(lambda leaf: leaves.get(next(names), leaf), self.inputs))

    def strided(self, leaves: dict[str, Tensor]) -> "Subject":
        """The same with inputs that keep their places in memory."""
        return replace(self.placed(leaves), copied=False)

    def of(self, dtype: torch.dtype) -> "Subject":
        """The same layer and inputs in other numbers."""
        layer = self.twin()._apply(lambda t: cast(t, dtype)) if self.kind == "module" else self.layer
        return replace(self, layer=layer, dtype=dtype, weights={})

    def bare(self) -> "Subject":
        """The same, given the sources themselves even where it writes into them."""
        return replace(self, written_into=False)

    def evaluating(self) -> "Subject":
        """The same module in evaluation mode."""
        return replace(self, layer=self.twin().eval(), weights={}) if self.kind == "module" else self

    def twin(self) -> nn.Module:
        """A copy of the module, with the weights it had before any run."""
        with held(self.layer, self.weights):
            pass
        return copy.deepcopy(self.layer)

    def inputs_by_name(self) -> dict[str, Tensor]:
        """The tensors in the inputs."""
        return dict(by_name(self.inputs))


def module_of(subject: Subject) -> nn.Module:
    """The module, or an empty one for a Function or a pair."""
    return subject.layer if subject.kind == "module" else nn.Module()
