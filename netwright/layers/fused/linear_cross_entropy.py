"""A last linear layer and cross-entropy in one, for many classes: the logits are never all in memory.

N rows, D inputs, C classes, x (N, D) the rows, W (C, D) and b (C,) the linear layer, y (N,) the classes.

    u = x Wᵀ + b                 the logits (N, C), the largest thing here by far
    ℓ = cross-entropy(u, y)      losses/cross_entropy.py
    L = Σ_n ℓ_n / D'             D' is what the reduction divides by

A row's loss needs no other row's logits, so the rows are taken some at a time: their logits are made, give the losses,
the peaks m and the logarithms z of the sums, (N,) each, and are forgotten. On the way back they are made again; the
pair of the cross-entropy gives h = ∂L/∂u of those rows, and the chain rule of the linear layer (linear.py) the rest,
summed over the parts r of the rows:

    ∂L/∂x_r = h_r W        ∂L/∂W = Σ_r h_rᵀ x_r        ∂L/∂b = Σ_r Σ_n h_rn

For "mean", D' = Σ_n k_n w_{y_n}: ∂L/∂ℓ_n = g/D', and what the class weights w change in D' is −(g/D') L for each row.

Why it is kept: the largest tensor of a step is no longer (N, C). What is saved for the way back is x, W and two numbers
a row; at its peak a step holds a few times LOGITS numbers and the gradients, however many rows there are. Making the
logits twice costs one matrix product more, which is about made up for by passes over numbers that are still in the
processor's cache. With few classes there is nothing to save: take Linear and CrossEntropyLoss. Under torch.compile
it is the compiler that decides what is made twice, and it keeps the logits.

Source: Wijmans et al., "Cut Your Losses in Large-Vocabulary Language Models" (2024), where the idea is taken further.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from netwright.core.errors import InputError
from netwright.layers.linear import Linear
from netwright.layers.losses import cross_entropy
from netwright.layers.losses.cross_entropy import known_smoothing
from netwright.layers.losses.labels import labels, shares, totals
from netwright.layers.losses.reduction import known, reduced, spread
from netwright.layers.own import own
from netwright.layers.precision import keep_precision, precision_of, wide

LOGITS = 1 << 21
"""How many logits are in memory at a time, about: 8 MiB of float32. With fewer rows at a time W is read too often."""

Cache = tuple[Any, ...]


def parts(rows: int, classes: int) -> list[slice]:
    """The rows, some at a time; one part at least."""
    step = max(1, LOGITS // max(1, classes))
    return [slice(i, i + step) for i in range(0, max(1, rows), step)]


def logits(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """x (R, D) → u (R, C)."""
    return x @ weight.T if bias is None else torch.addmm(bias, x, weight.T)


def rowwise(x: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """x (…, D), target (…) → (N, D), (N,). Raises InputError for a target that is not one class index for each row."""
    if target.shape != x.shape[:-1] or target.is_floating_point():
        raise InputError(
            "This loss takes one class index for each row.",
            got=f"input {tuple(x.shape)}, target {tuple(target.shape)} of {target.dtype}",
            wanted=f"a target of shape {tuple(x.shape[:-1])}, of integers",
            fix="Reshape `target`; for class probabilities take Linear and CrossEntropyLoss.",
        )
    return x.reshape(-1, x.shape[-1]), target.reshape(-1)


def divisor(x: Tensor, target: Tensor, classes: Tensor | None, ignore_index: int) -> tuple[Tensor, Tensor, Tensor]:
    """x (N, D), target (N,), class weights (C,) → indices (N, 1), which rows are kept (N, 1), and D'."""
    index, kept = labels(x, target, ignore_index)
    return index, kept, wide(shares(x, index, kept, classes)).sum()


def forward(
    x: Tensor,
    target: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    class_weight: Tensor | None,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> tuple[tuple[Tensor, Tensor, Tensor], Cache]:
    """x (…, D), target (…), weight (C, D), bias (C,), class weights (C,) → the loss, m and z (N,); and what is kept.

    Raises InputError for a target that is not one class index for each row, or class weights of another shape.
    """
    rows, truth = rowwise(x, target)
    found = []
    for part in parts(len(rows), len(weight)):
        u = logits(rows[part], weight, bias)
        found.append(cross_entropy.forward(u, truth[part], class_weight, ignore_index, "none", label_smoothing)[0])
    losses, peak, logsum = (torch.cat([t.reshape(-1) for t in kind]) for kind in zip(*found, strict=True))
    count = divisor(rows, truth, class_weight, ignore_index)[2] if reduction == "mean" else 1
    loss = reduced(losses.reshape(target.shape), reduction, count)
    options = (ignore_index, reduction, label_smoothing)
    return (loss, peak, logsum), (x, target, weight, bias, class_weight, loss, peak, logsum, *options)


def backward(
    grad_output: tuple[Tensor, ...], cache: Cache, needed: tuple[bool, ...] = (True,) * 5
) -> tuple[Tensor | None, ...]:
    """∂L/∂(loss, m, z) → ∂L/∂x (…, D), nothing for the target, ∂L/∂weight, ∂L/∂bias, ∂L/∂class_weight; no options.

    None where one is not needed.
    """
    x, target, weight, bias, class_weight, loss, peak, logsum, ignore_index, reduction, smoothing = cache
    rows, truth = rowwise(x, target)
    index, kept, count = divisor(rows, truth, class_weight, ignore_index)
    g = grad_output[0].reshape(-1, 1) if reduction == "none" else grad_output[0]
    each = torch.where(kept, spread(g, reduction, count), 0.0)  # ∂L/∂ℓ_n (N, 1)
    wanted = (True, False, needed[4])
    sums: list[Tensor | None] = [None, None, None]
    grad_x: list[Tensor] = []
    for part in parts(len(rows), len(weight)):
        u, held = logits(rows[part], weight, bias), (peak[part].unsqueeze(1), logsum[part].unsqueeze(1))
        kept_part = (u, truth[part], class_weight, loss, *held, ignore_index, "none", smoothing)
        h, _, grad_class, *_ = cross_entropy.backward(
            (each[part].squeeze(1), peak, grad_output[2][part].unsqueeze(1)), kept_part, wanted
        )
        grad_x += [h @ weight] if needed[0] else []
        sums[0] = product(sums[0], h, rows[part]) if needed[2] else None
        sums[1] = total(sums[1], h.sum(0)) if needed[3] and bias is not None else None
        sums[2] = total(sums[2], grad_class)
    if sums[2] is not None and reduction == "mean":
        sums[2] = sums[2] - totals(class_weight, index, each * loss)
    grad_rows = torch.cat(grad_x).reshape(x.shape) if needed[0] else None
    return grad_rows, None, *sums, None, None, None


def product(before: Tensor | None, h: Tensor, rows: Tensor) -> Tensor:
    """What was summed so far (C, D), and hᵀ x: h (R, C), x (R, D). In place: the sum is ours, and as large as W."""
    return h.T @ rows if before is None else before.addmm_(h.T, rows)


def total(before: Tensor | None, more: Tensor | None) -> Tensor | None:
    """What was summed so far, and one more."""
    return more if before is None or more is None else before + more


class LinearCrossEntropyLossFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(*arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
        """The loss, and m and z."""
        loss, peak, logsum = forward(*arguments)[0]
        return own(loss), peak, logsum

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: tuple[Tensor, Tensor, Tensor]) -> None:
        """Keep what `backward` needs."""
        ctx.save_for_backward(*inputs[:5], *output)
        keep_precision(ctx, inputs[0])
        ctx.mark_non_differentiable(output[1])
        ctx.options = inputs[5:]

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """A gradient for each argument of `forward`."""
        with precision_of(ctx):
            return backward(grad_outputs, (*ctx.saved_tensors, *ctx.options), ctx.needs_input_grad)


class LinearCrossEntropyLoss(nn.Module):
    """torch.nn.LinearCrossEntropyLoss, by hand: rows (…, in_features), class indices (…) → the loss.

    One number, or (…) where reduction="none". `linear` is the last layer, of `num_classes` outputs. `weight` (C,), a
    buffer, says what each class counts, rows whose class is `ignore_index` (-100, if None) count nothing, a share of
    `label_smoothing` of every target is spread over all classes.

    Raises InputError for `out_features` and `options`, which are not had here, for a `label_smoothing` outside of
    [0, 1], an unknown reduction, a target that is not one class index for each row, a weight of another shape.

    >>> LinearCrossEntropyLoss(8, 1000)(torch.randn(5, 8), torch.arange(5)).shape
    torch.Size([])
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        out_features: tuple[int, ...] = (),
        bias: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        reduction: str = "mean",
        weight: Tensor | None = None,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
        options: None = None,
    ) -> None:
        super().__init__()
        if out_features != () or options is not None:
            raise InputError(
                "LinearCrossEntropyLoss has one loss a row, and chooses by itself how many rows it takes at a time.",
                got=f"out_features={out_features}, options={options}",
                wanted="neither",
                fix="Leave out `out_features` and `options`; else take Linear and CrossEntropyLoss.",
            )
        self.register_buffer("weight", weight)
        self.num_classes, self.out_features, self.options = num_classes, out_features, options
        self.reduction, self.ignore_index = known(reduction), ignore_index
        self.label_smoothing = known_smoothing(label_smoothing)
        self.linear = Linear(in_features, num_classes, bias=bias, device=device, dtype=dtype)

    def arguments(self, input: Tensor, target: Tensor) -> tuple:
        """What the pair is called with."""
        ignored = -100 if self.ignore_index is None else self.ignore_index
        options = (ignored, self.reduction, self.label_smoothing)
        return input, target, self.linear.weight, self.linear.bias, self.weight, *options

    def answer(self, outputs: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Of the pair's outputs, the loss."""
        return outputs[0]

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Rows (…, in_features), class indices (…) → the loss."""
        return self.answer(LinearCrossEntropyLossFunction.apply(*self.arguments(input, target)))

    def extra_repr(self) -> str:
        """The sizes and options."""
        return (
            f"in_features={self.linear.in_features}, num_classes={self.num_classes}, out_features={self.out_features}, "
            f"bias={self.linear.bias is not None}, reduction={self.reduction}, ignore_index={self.ignore_index}, "
            f"label_smoothing={self.label_smoothing}, options={self.options}"
        )
