"""Softmax and cross-entropy in one: how surprised one whose logits are x is to see class y.

N rows (and whatever axes follow), C classes, x (N, C) the logits, w (C,) class weights, 1 if there are none, ε the
label smoothing. What is true of row n is a class y_n, or probabilities t (N, C).

    p_nc = e^{x_nc} / Σ_j e^{x_nj}        −log p_nc = log Σ_j e^{x_nj} − x_nc = s_nc, the surprise

e^x overflows. Taking the row's peak m_n = max_c x_nc from every logit changes no p, and leaves no exponent above zero:

    s_nc = z_n + m_n − x_nc        z_n = log Σ_j e^{x_nj − m_n}

Row n loses Σ_c a_nc s_nc, where a says how much of each class is true, smoothed: a share ε of it is spread evenly.

    a_nc = w_c ((1 − ε) t_nc + ε/C)                              probabilities
    a_nc = k_n ((1 − ε) w_{y_n} [c = y_n] + (ε/C) w_c)           classes; k_n is 1, or 0 where row n is ignored
    ℓ_n = Σ_c a_nc s_nc        L = Σ_n ℓ_n / D
    D = N for "mean" of probabilities, Σ_n k_n w_{y_n} for "mean" of classes (ε is not in it), else 1

The slope of a logarithm of a sum of exponentials is the softmax: ∂/∂x_nc log Σ_j e^{x_nj} = e^{x_nc} / Σ_j e^{x_nj}
= p_nc, so ∂s_nj/∂x_nc = p_nc − [j = c]. With g_n = ∂L'/∂ℓ_n given (for "mean" it is G/D, where G = ∂L'/∂L and L' is
what follows), by the chain rule:

    ∂L'/∂x_nc = g_n Σ_j a_nj (p_nc − [j = c]) = g_n (p_nc Σ_j a_nj − a_nc)
                                        for classes, without w and ε: g_n (p_nc − [c = y_n]), softmax less one-hot
    ∂L'/∂t_nc = g_n (1 − ε) w_c s_nc
    ∂L'/∂w_c  = Σ_n g_n ((1 − ε) t_nc + ε/C) s_nc                                         probabilities
    ∂L'/∂w_c  = Σ_n g_n k_n ((1 − ε) [c = y_n] s_nc + (ε/C) s_nc) − g_n k_n [c = y_n] L   classes, for w is in D too

(∂L/∂D = −L/D; the last term is there for "mean" alone.) m and z are kept beside the loss, (N,) each: then p is one
exponential away, and the (N, C) probabilities need not be kept. m, which changes nothing, counts as a constant; so z
has the slope p, and where a gradient h_n comes in by z, as in the second derivative, h_n p_nc is added.

Source: Bridle, "Probabilistic Interpretation of Feedforward Classification Network Outputs" (1990); label smoothing:
Szegedy et al., "Rethinking the Inception Architecture for Computer Vision" (2015).
"""

from types import ModuleType
from typing import Any

from torch import Tensor, nn
from torch.autograd import Function

from netwright.core.errors import InputError
from netwright.layers.losses import classes, mixtures
from netwright.layers.losses.labels import check_weight, class_axis
from netwright.layers.losses.precision import single
from netwright.layers.losses.reduction import known
from netwright.layers.own import own
from netwright.layers.precision import wide

Cache = tuple[Tensor, Tensor, Tensor | None, Tensor, Tensor, Tensor, int, str, float]


def forward(
    input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str, label_smoothing: float
) -> tuple[tuple[Tensor, Tensor, Tensor], Cache]:
    """Input (N, C, …), target (N, …) or (N, C, …), weight (C,) → the loss, m and z (N, 1, …); and what is kept.

    Raises InputError for a target or weight of another shape, InputTypeError for a target of bools.
    """
    check_weight(input, weight)
    axis = class_axis(input)
    peak = input.detach().amax(axis, keepdim=True)
    logsum = wide(input - peak).exp_().sum(axis, keepdim=True).log().to(input.dtype)
    kind, options = target_kind(target), (ignore_index, reduction, label_smoothing)
    loss = kind.loss(input, target, weight, peak, logsum, options)
    return (loss, peak, logsum), (input, target, weight, loss, peak, logsum, *options)


def backward(
    grad_output: tuple[Tensor, ...], cache: Cache, needed: tuple[bool, ...] = (True, True, True)
) -> tuple[Any, ...]:
    """∂L/∂(loss, m, z) → ∂L/∂input (N, C, …), ∂L/∂target, ∂L/∂weight (C,), and nothing for the options.

    None where one is not needed, and for a target of class indices.
    """
    grad_loss, _, grad_logsum = grad_output
    return *target_kind(cache[1]).gradients(grad_loss, grad_logsum, cache, needed), None, None, None


def target_kind(target: Tensor) -> ModuleType:
    """Floats are class probabilities, integers are class indices."""
    return mixtures if target.is_floating_point() else classes


class CrossEntropyLossFunction(Function):
    """The pair as PyTorch's autograd calls it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(
        input: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str, label_smoothing: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The loss, and m and z."""
        loss, peak, logsum = forward(input, target, weight, ignore_index, reduction, label_smoothing)[0]
        return own(loss), peak, logsum

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: tuple[Tensor, Tensor, Tensor]) -> None:
        """Keep what `backward` needs."""
        loss = output[0] if inputs[4] == "mean" else None
        ctx.save_for_backward(*inputs[:3], loss, *output[1:])
        ctx.mark_non_differentiable(output[1])
        ctx.options = inputs[3:]

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        """A gradient for each argument of `forward`."""
        return backward(grad_outputs, (*ctx.saved_tensors, *ctx.options), ctx.needs_input_grad)


class CrossEntropyLoss(nn.Module):
    """torch.nn.CrossEntropyLoss, by hand: logits (C,) or (N, C, …) and what is true → the loss.

    The target is classes, () or (N, …), or, if it holds floats, class probabilities of the logits' shape. The loss is
    one number, or () or (N, …) where reduction="none". `weight` (C,), a buffer, says what each class counts; rows
    whose class is `ignore_index` count nothing; a share of `label_smoothing` of every target is spread over all
    classes. An index that is no class raises.

    Raises InputError for a `label_smoothing` outside of [0, 1], an unknown reduction, a target or weight of another
    shape, and `ignore_index` with probabilities; InputTypeError for a target of bools.

    >>> import torch
    >>> CrossEntropyLoss()(torch.zeros(1, 2), torch.tensor([1]))
    tensor(0.6931)
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.ignore_index, self.reduction = ignore_index, known(reduction)
        self.label_smoothing = known_smoothing(label_smoothing)

    def arguments(self, input: Tensor, target: Tensor) -> tuple:
        """What the pair is called with."""
        return *single(input, target, self.weight), self.ignore_index, self.reduction, self.label_smoothing

    def answer(self, outputs: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Of the pair's outputs, the loss."""
        return outputs[0]

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Logits (N, C, …), classes (N, …) or probabilities (N, C, …) → the loss."""
        return self.answer(CrossEntropyLossFunction.apply(*self.arguments(input, target)))


def known_smoothing(label_smoothing: float) -> float:
    """The share, where it is one. Raises InputError outside of [0, 1]."""
    if not 0 <= label_smoothing <= 1:
        raise InputError(
            "`label_smoothing` is the share of each target that is spread over all classes.",
            got=f"label_smoothing={label_smoothing}",
            wanted="a number from 0 to 1",
            fix="Give `label_smoothing` as a share, e.g. 0.1.",
        )
    return label_smoothing
