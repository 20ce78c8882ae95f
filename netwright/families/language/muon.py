"""Muon for matrices and Adam for everything else, in one optimizer.

A matrix's momentum is brought near the closest orthogonal matrix by five Newton-Schulz steps, so that every direction
of it moves alike (Jordan et al. 2024); the step is scaled to the size of Adam's (Liu et al. 2025). Unlike in
`torch.optim.Muon` all is float32, and matrices of one shape go through as a batch.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

STEPS = (3.4445, -4.7750, 2.0315)
"""Of the quintic whose repeated use drives singular values towards one; Jordan's, chosen for a steep start."""


class MuonAdam(Optimizer):
    """`matrices` are moved by Muon with the rate `lr` and decoupled weight decay, `others` by Adam with `other_lr`.

    The first parameter group holds the matrices, the second the others; a scheduler moves both.
    """

    def __init__(
        self,
        matrices: Iterable[nn.Parameter],
        others: Iterable[nn.Parameter],
        *,
        lr: float,
        other_lr: float,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.95),
        weight_decay: float = 0.0,
        iterations: int = 5,
    ) -> None:
        groups: list[dict[str, Any]] = [
            {
                "params": list(matrices),
                "lr": lr,
                "momentum": momentum,
                "iterations": iterations,
                "weight_decay": weight_decay,
            },
            {"params": list(others), "lr": other_lr, "betas": betas, "eps": 1e-8, "weight_decay": 0.0},
        ]
        super().__init__([group for group in groups if group["params"]], {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """One update with the gradients in `.grad`."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            given: list[Tensor] = [p for p in group["params"] if p.grad is not None]
            gradients: list[Tensor] = [p.grad for p in given if p.grad is not None]
            if given:
                (self._turn if "momentum" in group else self._adam)(given, gradients, group)
        return loss

    def _turn(self, parameters: list[Tensor], gradients: list[Tensor], group: dict[str, Any]) -> None:
        for shape in dict.fromkeys(p.shape for p in parameters):
            alike = [p for p in parameters if p.shape == shape]
            given = [g for p, g in zip(parameters, gradients, strict=True) if p.shape == shape]
            for p in alike:
                if not self.state[p]:
                    self.state[p]["momentum"] = torch.zeros_like(p)
            kept = [self.state[p]["momentum"] for p in alike]
            torch._foreach_lerp_(kept, given, 1 - group["momentum"])
            ahead = torch._foreach_lerp(given, kept, group["momentum"])  # Nesterov's
            turned = orthogonal(torch.stack(ahead), group["iterations"])
            scale = 0.2 * max(shape) ** 0.5
            torch._foreach_mul_(alike, 1 - group["lr"] * group["weight_decay"])
            torch._foreach_add_(alike, list(turned.unbind(0)), alpha=-group["lr"] * scale)

    def _adam(self, parameters: list[Tensor], gradients: list[Tensor], group: dict[str, Any]) -> None:
        for p in parameters:
            if not self.state[p]:
                moments = {name: torch.zeros_like(p) for name in ("exp_avg", "exp_avg_sq")}
                self.state[p].update(step=torch.zeros((), dtype=torch.float32), **moments)
        states = [self.state[p] for p in parameters]
        steps = [state["step"] for state in states]
        torch._foreach_add_(steps, 1)
        torch._fused_adamw_(
            parameters,
            gradients,
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            steps,
            lr=group["lr"],
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            amsgrad=False,
            maximize=False,
        )


def orthogonal(matrices: Tensor, iterations: int = 5) -> Tensor:
    """(K, N, M) → matrices with nearly the same singular vectors and singular values near one."""
    a, b, c = STEPS
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)
    for _ in range(iterations):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x.mT if tall else x
