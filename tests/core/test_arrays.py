"""Arrays as tensors, and how many rows are seen at once."""

from pathlib import Path

import numpy as np
import torch

from netwright.core.arrays import MOST_ROWS, as_bytes, as_tensor, at_once, chunks


def test_an_array_is_a_tensor_of_the_same_memory(tmp_path: Path):
    values = np.arange(6.0)
    assert as_tensor(values).data_ptr() == values.ctypes.data
    np.save(tmp_path / "x.npy", values)
    assert as_tensor(np.load(tmp_path / "x.npy", mmap_mode="r")).tolist() == values.tolist()
    assert as_tensor(values[::-1]).tolist() == [5, 4, 3, 2, 1, 0]


def test_shares_as_bytes():
    values = np.array([-0.1, 0.0, 0.5, 1.0, 7.0], dtype=np.float32)
    assert as_bytes(values).tolist() == [0, 0, 128, 255, 255] and values[0] < 0


def test_large_pictures_are_seen_a_few_at_a_time():
    rows = [at_once((torch.empty(1, 3, side, side, device="meta"),)) for side in (8, 128, 4096)]
    assert rows == [MOST_ROWS, 85, 1]
    assert at_once((np.empty((5, 100_000)),)) == MOST_ROWS


def test_chunks_follow_the_rows_asked_for():
    pictures = np.arange(100, dtype=np.uint8)[:, None, None, None] * np.ones((1, 3, 64, 64), dtype=np.uint8)
    wide = np.broadcast_to(pictures[:, :, :1, :1], (100, 3, 200, 200))
    parts = [part[:, 0, 0, 0] for (part,) in chunks((wide,), np.array([99, 3, 50]))]
    assert torch.cat(parts).tolist() == [99, 3, 50]
    lengths = [len(part) for (part,) in chunks((wide,))]
    assert sum(lengths) == 100 and len(lengths) > 1
    assert [part.shape for (part,) in chunks((pictures[:0],))] == [(0, 3, 64, 64)]
    assert [part.shape for (part,) in chunks((pictures,), np.array([], dtype=np.int64))] == [(0, 3, 64, 64)]
