"""Keep the best weights seen, and say when nothing better has come for long."""

import torch
from torch import Tensor, nn


class Best:
    """The weights of the lowest validation loss so far.

    A module that trains K members at once gives (K,) validation losses, and the leading dimension of each of its
    parameters is K: each member's best is then kept on its own. Buffers are kept whole, as they are at the last gain.
    """

    def __init__(self) -> None:
        self.scores: Tensor | None = None
        """() or (K,): the lowest validation losses."""
        self.epochs: Tensor | None = None
        """() or (K,): the epochs they were seen in, from 0."""
        self.weights: dict[str, Tensor] = {}

    @property
    def epoch(self) -> int:
        """The last epoch in which something improved; −1 before any."""
        return -1 if self.epochs is None else int(self.epochs.max())

    def see(self, epoch: int, scores: Tensor, module: nn.Module) -> bool:
        """Take the weights of whatever improved in this epoch; True if anything did."""
        scores = scores.detach().cpu().double()
        if self.scores is None or self.epochs is None:
            self.scores, self.epochs = scores.clone(), torch.full(scores.shape, epoch)
            self.weights = {name: value.detach().clone() for name, value in module.state_dict().items()}
            return True
        better = (scores < self.scores) | (self.scores.isnan() & ~scores.isnan())
        if not bool(better.any()):
            return False
        self.scores[better], self.epochs[better] = scores[better], epoch
        parameters = {name for name, _ in module.named_parameters()}
        for name, value in module.state_dict().items():
            kept = self.weights[name] = self.weights[name].to(value.device)  # a checkpoint brings them on the CPU
            if better.dim() and name in parameters:
                chosen = better.to(value.device)
                kept[chosen] = value[chosen]
            else:
                kept.copy_(value)
        return True

    def restore(self, module: nn.Module) -> None:
        """Put the best weights back into the module."""
        if self.weights:
            module.load_state_dict(self.weights)

    def state(self) -> dict:
        """What a checkpoint keeps of this."""
        return {"scores": self.scores, "epochs": self.epochs, "weights": self.weights}

    def load(self, state: dict) -> None:
        """Take up what a checkpoint kept."""
        self.scores, self.epochs, self.weights = state["scores"], state["epochs"], dict(state["weights"])
