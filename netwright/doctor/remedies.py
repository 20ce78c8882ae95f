"""What to try, by the operator that was first not finite."""

import torch

from netwright.doctor.tracer import Event

LARGE = 1e6
"""Inputs or outputs of this size are a run that got out of hand, or data that were never scaled."""
RUNAWAY = "Lower the learning rate, or clip_norm=1.0; scale the inputs to about ±1."
BY_OPERATOR = (
    (("sqrt", "norm", "std", "var", "dist", "pow"), "Keep away from 0: torch.sqrt(x + 1e-8), norm(x) + 1e-8."),
    (("div", "reciprocal", "rdiv"), "Divide by something that is never 0: x / (y + 1e-8)."),
    (("bce", "binary_cross_entropy"), "nn.BCEWithLogitsLoss() on raw outputs instead of a sigmoid and nn.BCELoss()."),
    (("logsumexp", "log_softmax", "softmax", "attention"), "A row of the mask hides everything: leave one entry open."),
    (("log",), "torch.log(x.clamp_min(1e-8)); for log of a softmax or sigmoid F.log_softmax or F.logsigmoid."),
    (("exp", "cosh", "sinh", "expm1"), "Bound what goes in: torch.exp(x.clamp_max(20)), or torch.logsumexp of a sum."),
    (("acos", "asin", "atanh"), "Keep within (−1, 1): x.clamp(-1 + 1e-6, 1 - 1e-6)."),
)


def remedy(event: Event) -> str:
    """The line or the option that mends it."""
    if event.dtype == torch.float16:
        return "float16 ends at 65,504: precision='bfloat16' or 'float32'."
    if event.largest >= LARGE:
        return RUNAWAY
    hidden = ("softmax", "attention")
    for words, fix in BY_OPERATOR:
        if any(word in event.operator for word in words) and (event.masked or not any(w in hidden for w in words)):
            return fix
    return RUNAWAY if not event.gradient else f"Look at that line's derivative where its input is 0. {RUNAWAY}"
