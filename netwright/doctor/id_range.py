"""Ids that an embedding has no row for."""

from typing import Any

from torch import Tensor, nn

from netwright.core.errors import InputError
from netwright.doctor.twins import kind
from netwright.doctor.wording import attribute, named


def guard(module: nn.Module) -> list[Any]:
    """Hooks on a copy that raise InputError before an embedding is asked for a row it lacks.

    Before it is: on a GPU the question ends the process. The hooks are the caller's to remove.
    """
    return [
        embedding.register_forward_pre_hook(checker(name, embedding))
        for name, embedding in module.named_modules()
        if issubclass(kind(embedding), (nn.Embedding, nn.EmbeddingBag))
    ]


def checker(name: str, embedding: Any) -> Any:
    """A hook for one embedding."""

    def check(_: nn.Module, args: tuple) -> None:
        ids = args[0] if args and isinstance(args[0], Tensor) else None
        if ids is None or not ids.numel() or ids.is_floating_point() or ids.is_complex():
            return
        low, high = (int(v) for v in ids.aminmax())
        if low >= 0 and high < embedding.num_embeddings:
            return
        size = f"nn.{type(embedding).__name__}({high + 1}, {embedding.embedding_dim})"
        raise InputError(
            f"{named(name, embedding)} has no row for an id.",
            got=f"ids from {low} to {high}",
            wanted=f"ids from 0 to {embedding.num_embeddings - 1}",
            fix="Number the ids from 0." if low < 0 else f"{attribute(name)} = {size}, or number the ids without gaps.",
        )

    return check
