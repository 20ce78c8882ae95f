"""How weights start, by torch.nn.init's names: the same formulas, the same draws under the same seed.

A weight W (O, I, K…): O outputs, I inputs, K the places of a convolution's kernel. fan_in = I·K numbers are summed into
one output, and one input reaches fan_out = O·K outputs. Why the spread σ of the weights must depend on them:

    y_o = Σ_i W_oi x_i      over fan_in terms, W drawn with mean 0, apart from x:
    Var y = Σ_i E[W_oi²] E[x_i²] = fan_in · σ² · E[x²]                                     so E[y²] = fan_in σ² E[x²]
    ∂L/∂x_i = Σ_o W_oi g_o  over fan_out terms, in the same way:                           E[∂x²] = fan_out σ² E[g²]

Through n layers the factor is taken to the power n: unless it is near 1, values or gradients vanish or explode.

    Xavier     σ² = gain² · 2 / (fan_in + fan_out)    fan_in σ² = 1 and fan_out σ² = 1 can't both hold: their middle
    Kaiming    σ² = gain² / fan                       one of the two exactly: fan_in forward, fan_out backward
    gain       A ReLU of a symmetric y keeps half of E[y²], so σ² must be twice as large: gain = √2. A leaky one of
               slope a keeps (1 + a²)/2: gain = √(2/(1 + a²)). See `calculate_gain`.
    uniform    in ±√3 σ, for the variance of a uniform number in ±c is (1/2c) ∫ t² dt from −c to c = c²/3

Sources: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks" (2010); He,
Zhang, Ren and Sun, "Delving deep into rectifiers" (2015).
"""

import inspect
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Generator, Tensor

from netwright.core.errors import InputError
from netwright.layers.init_matrices import dirac_, eye_, orthogonal_
from netwright.layers.init_truncated import trunc_normal_


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Every number uniform in [a, b), in place."""
    with torch.no_grad():
        return tensor.uniform_(a, b, generator=generator)


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Every number normal, of mean `mean` and standard deviation `std`, in place."""
    with torch.no_grad():
        return tensor.normal_(mean, std, generator=generator)


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Every number `val`, in place."""
    with torch.no_grad():
        return tensor.fill_(val)


def ones_(tensor: Tensor) -> Tensor:
    """Every number 1, in place."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Every number 0, in place."""
    return constant_(tensor, 0.0)


def fans(weight: Tensor) -> tuple[int, int]:
    """fan_in and fan_out of a weight (O, I, K…). Raises InputError for one of fewer than two axes."""
    if weight.dim() < 2:
        raise InputError(
            "The fans of a weight need two axes or more.",
            got=f"a tensor of shape {tuple(weight.shape)}",
            wanted="(outputs, inputs, …)",
            fix="Start biases with zeros_, constant_ or uniform_.",
        )
    outputs, inputs, *places = weight.shape
    return inputs * math.prod(places), outputs * math.prod(places)


def leaky_gain(a: float) -> float:
    """√(2 / (1 + a²)): a leaky ReLU of slope a halves the variance but for a² of the other half (He et al. 2015)."""
    return math.sqrt(2.0 / (1 + a**2))


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """By what the spread of the weights is multiplied to make up for the function that follows them.

    1 for "linear", "sigmoid" and the convolutions, 5/3 for "tanh", √2 for "relu", √(2 / (1 + param²)) for "leaky_relu"
    (0.01 unless given), 3/4 for "selu". Raises InputError for another name.
    """
    name = nonlinearity.replace("_transpose", "")
    known = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5.0 / 3, "relu": leaky_gain(0), "selu": 0.75}
    known |= {"conv1d": 1.0, "conv2d": 1.0, "conv3d": 1.0, "leaky_relu": leaky_gain(0.01 if param is None else param)}
    if name not in known:
        raise InputError(
            "There is no gain for this function.",
            got=repr(nonlinearity),
            wanted=", ".join(sorted(known)),
            fix='Give nonlinearity="linear" for a gain of 1, or the nearest of these.',
        )
    return known[name]


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Uniform in ±gain √(6 / (fan_in + fan_out)), in place (Glorot and Bengio 2010)."""
    bound = math.sqrt(3.0) * xavier_std(tensor, gain)
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal of σ = gain √(2 / (fan_in + fan_out)), in place (Glorot and Bengio 2010)."""
    return normal_(tensor, 0.0, xavier_std(tensor, gain), generator)


def xavier_std(tensor: Tensor, gain: float) -> float:
    """gain √(2 / (fan_in + fan_out))."""
    return gain * math.sqrt(2.0 / float(max(sum(fans(tensor)), 1)))


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Uniform in ±√3 · gain / √fan, in place (He et al. 2015). `a` is the slope of the leaky ReLU that follows."""
    bound = math.sqrt(3.0) * kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Normal of σ = gain / √fan, in place (He et al. 2015). `a` is the slope of the leaky ReLU that follows."""
    return normal_(tensor, 0.0, kaiming_std(tensor, a, mode, nonlinearity), generator)


def draw_layer(weight: Tensor, bias: Tensor | None) -> None:
    """How torch.nn's linear layers and convolutions start: weight (O, I, K…) and bias (O,) uniform in ±1/√fan_in.

    Of the weight that is `kaiming_uniform_` with a = √5, whose gain is 1/√3: a rule as old as Torch itself.
    """
    kaiming_uniform_(weight, a=math.sqrt(5))
    fan_in, _ = fans(weight)
    if bias is not None:
        bound = 1 / math.sqrt(fan_in) if fan_in else 0.0
        uniform_(bias, -bound, bound)


def kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    """gain / √fan; 1 where there is nothing to draw. Raises InputError for a mode that is neither of the two."""
    if mode not in ("fan_in", "fan_out"):
        raise InputError(
            "There is no fan of this name.",
            got=repr(mode),
            wanted='"fan_in" (values keep their size forward) or "fan_out" (gradients keep theirs backward)',
            fix='Give mode="fan_in".',
        )
    fan = fans(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan) if tensor.numel() else 1.0


METHODS = (uniform_, normal_, trunc_normal_, constant_, ones_, zeros_, eye_, dirac_, xavier_uniform_, xavier_normal_)
METHODS += (kaiming_uniform_, kaiming_normal_, orthogonal_)
BY_NAME: dict[str, Callable[..., Tensor]] = {draw.__name__.removesuffix("_"): draw for draw in METHODS}


def initialize(tensor: Tensor, name: str, **options: Any) -> Tensor:
    """Start a weight by the name of the method, in place: initialize(weight, "kaiming_normal", mode="fan_out").

    Names are the keys of BY_NAME. Raises InputError for another name, or an option the method does not have.

    >>> initialize(torch.empty(2, 2), "constant", val=3.0)
    tensor([[3., 3.],
            [3., 3.]])
    """
    draw = BY_NAME.get(name.removesuffix("_"))
    if draw is None:
        raise InputError(
            "There is no initialisation of this name.",
            got=repr(name),
            wanted=", ".join(BY_NAME),
            fix='Give one of these as `name`; "kaiming_normal" suits layers with a ReLU, "xavier_uniform" others.',
        )
    known = list(inspect.signature(draw).parameters)[1:]
    if not options.keys() <= set(known):
        raise InputError(
            f"{name!r} does not have this option.",
            got=", ".join(sorted(options.keys() - set(known))),
            wanted=", ".join(known) or "no option",
            fix="Leave it out, or see the function's docstring for the option that is meant.",
        )
    return draw(tensor, **options)
