"""What one training step sees."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows, as tensors on the module's device; B is the number of rows.

    `inputs` are given to the module in this order, each (B, …). `target` is (B,) or (B, T). `fold` (B,) says in which
    validation fold a row lies, −1 where in none; a member that validates on fold f must not train on its rows.
    """

    inputs: tuple[Tensor, ...]
    target: Tensor
    fold: Tensor

    def __len__(self) -> int:
        return len(self.target)
