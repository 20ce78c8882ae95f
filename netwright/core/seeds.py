"""Seeds: one number from which every stream of random numbers of a run follows."""

import hashlib

import torch


def derive(seed: int, purpose: str) -> int:
    """A seed of its own for each purpose (`"split"`, `"weights"`, …), so that one stream never shifts another."""
    digest = hashlib.sha256(f"{seed}:{purpose}".encode()).digest()
    return int.from_bytes(digest[:6], "big")


def generator(seed: int, purpose: str) -> torch.Generator:
    """A CPU generator seeded for this purpose."""
    return torch.Generator().manual_seed(derive(seed, purpose))
