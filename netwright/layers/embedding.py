"""An embedding: a table with a row of numbers for each of V things; a thing's number picks its row.

V things (`num_embeddings`), E numbers for each (`embedding_dim`), N numbers of things t_n, in any shape.

    y_ne = W_(t_n)e                    as if x_nv = 1 where v = t_n, else 0, went through a linear layer: y = x W

g = ∂L/∂y is given. W_ve takes part in y_ne for every n whose thing is v, with ∂y_ne/∂W_ve = 1:

    ∂L/∂W_ve = Σ_n [t_n = v] g_ne      each row of g is added to the row it came from

Two options change this on purpose: the row `padding_idx` gets no gradient (it stays as it is); with
`scale_grad_by_freq` a row's gradient is the mean over the n of its thing instead of the sum. The t_n are whole numbers,
there is nothing to differentiate in them.

Source: Bengio, Ducharme, Vincent and Jauvin, "A neural probabilistic language model" (2003).
"""

from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.autograd import Function

from netwright.core.errors import InputError
from netwright.layers.init import normal_
from netwright.layers.own import own
from netwright.layers.precision import wide

Cache = tuple[Tensor, Tensor, int | None, bool]


def forward(things: Tensor, weight: Tensor, padding: int | None, mean: bool) -> tuple[Tensor, Cache]:
    """things (…) whole numbers from 0 to V − 1, weight (V, E) → y (…, E), and what `backward` needs.

    Raises IndexError (from PyTorch) for a number that is not in the table.
    """
    rows = weight.index_select(0, things.reshape(-1))  # unlike weight[things] it does not count −1 from the end
    return rows.reshape(*things.shape, weight.shape[1]), (things, weight, padding, mean)


def backward(grad_output: Tensor, cache: Cache) -> tuple[Tensor | None, ...]:
    """∂L/∂y (…, E) → ∂L/∂W (V, E), added up in float32 at least."""
    things, weight, padding, mean = cache
    things = things.reshape(-1)
    g = wide(grad_output.reshape(len(things), weight.shape[1]))
    if mean:  # counted in whole numbers: bfloat16 knows none between 256 and 258
        count = things.new_ones(len(things), dtype=torch.int64)
        times = count.new_zeros(len(weight)).index_add(0, things, count)
        g = g / times.index_select(0, things).unsqueeze(1)
    if padding is not None:
        g = g.masked_fill((things == padding).unsqueeze(1), 0.0)
    return None, g.new_zeros(weight.shape).index_add(0, things, g).to(weight.dtype), None, None


class EmbeddingFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(things: Tensor, weight: Tensor, padding: int | None, mean: bool) -> Tensor:
        """The output alone."""
        return own(forward(things, weight, padding, mean)[0])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Tensor) -> None:
        """Keep what `backward` needs."""
        things, weight, ctx.padding, ctx.mean = inputs
        ctx.save_for_backward(things, weight)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """A gradient for each argument of `forward`."""
        return backward(grad_outputs[0], (*ctx.saved_tensors, ctx.padding, ctx.mean))


class Embedding(nn.Module):
    """torch.nn.Embedding, by hand: whole numbers (…) from 0 to num_embeddings − 1 → (…, embedding_dim).

    Weights start normal, drawn as torch.nn draws them, the row `padding_idx` at 0. Raises InputError for max_norm and
    sparse, for a `padding_idx` that is not in the table, and for a `_weight` of another shape; IndexError for a number
    that is not in the table.

    >>> Embedding(10, 3)(torch.tensor([[1, 2, 4, 5]])).shape
    torch.Size([1, 4, 3])
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        refuse(max_norm, sparse)
        shape = (num_embeddings, embedding_dim)
        self.num_embeddings, self.embedding_dim = shape
        self.padding_idx = counted(padding_idx, num_embeddings)
        self.max_norm, self.norm_type, self.sparse = max_norm, norm_type, sparse
        self.scale_grad_by_freq = scale_grad_by_freq
        if _weight is not None and tuple(_weight.shape) != shape:
            raise InputError(
                "The given table has another shape.",
                got=f"_weight of shape {tuple(_weight.shape)}",
                wanted=str(shape),
                fix="Use Embedding.from_pretrained(table), which takes the sizes from the table.",
            )
        start = torch.empty(shape, device=device, dtype=dtype) if _weight is None else _weight
        self.weight = nn.Parameter(start, requires_grad=not _freeze)
        if _weight is None:
            self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights anew."""
        normal_(self.weight)
        if self.padding_idx is not None:
            with torch.no_grad():
                self.weight[self.padding_idx].fill_(0)

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Self:
        """A layer around a table (V, E) that is there already; with `freeze` it is not trained."""
        if embeddings.dim() != 2:
            raise InputError(
                "A table has two axes.",
                got=f"embeddings of shape {tuple(embeddings.shape)}",
                wanted="(things, numbers for each)",
                fix="Give embeddings with a row for each thing.",
            )
        things, size = embeddings.shape
        options = (padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse)
        return cls(things, size, *options, _weight=embeddings, _freeze=freeze)

    def arguments(self, input: Tensor) -> tuple:
        """What the pair is called with."""
        return input, self.weight, self.padding_idx, self.scale_grad_by_freq

    def forward(self, input: Tensor) -> Tensor:
        """(…) → (…, embedding_dim)."""
        return EmbeddingFunction.apply(*self.arguments(input))

    def extra_repr(self) -> str:
        """The sizes, and the options that are not as usual."""
        options = {"padding_idx": (self.padding_idx, None), "norm_type": (self.norm_type, 2)}
        options["scale_grad_by_freq"] = (self.scale_grad_by_freq, False)
        changed = [f"{name}={value}" for name, (value, usual) in options.items() if value != usual]
        return ", ".join([str(self.num_embeddings), str(self.embedding_dim), *changed])


def refuse(max_norm: float | None, sparse: bool) -> None:
    """Raise InputError for the options that are not here."""
    if max_norm is not None or sparse:
        raise InputError(
            "This embedding neither rescales its table when it is read, nor has sparse gradients.",
            got=f"max_norm={max_norm}, sparse={sparse}",
            wanted="max_norm=None, sparse=False",
            fix="Leave max_norm and sparse out; against rows that grow, use weight_decay in the optimiser.",
        )


def counted(padding: int | None, things: int) -> int | None:
    """A padding row counted from the front. Raises InputError where there is no such row."""
    if padding is not None and not -things <= padding < things:
        raise InputError(
            "The padding row is not in the table.",
            got=f"padding_idx={padding}",
            wanted=f"a row from 0 to {things - 1}",
            fix="Give a padding_idx below num_embeddings.",
        )
    return padding if padding is None or padding >= 0 else padding + things
