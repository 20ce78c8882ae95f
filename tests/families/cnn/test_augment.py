"""Changed pictures are still pictures."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from netwright.families.cnn import augment

CHANGES = {
    "mirrored": augment.mirrored,
    "shifted": lambda x: augment.shifted(x, 2),
    "recoloured": lambda x: augment.recoloured(x, 0.3),
    "erased": lambda x: augment.erased(x, 0.5),
}
shapes = st.tuples(st.integers(1, 5), st.sampled_from([1, 3]), st.integers(1, 12), st.integers(1, 12))


def drawn(shape: tuple[int, ...], seed: int = 0) -> Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", CHANGES)
@given(shape=shapes, seed=st.integers(0, 2**30), floating=st.booleans())
@settings(max_examples=20, deadline=None)
def test_shape_and_range_are_kept(name: str, shape: tuple, seed: int, floating: bool):
    pictures = drawn(shape, seed)
    pictures = pictures.float() if floating else pictures
    kept = pictures.clone()
    torch.manual_seed(seed)
    changed = CHANGES[name](pictures)
    assert changed.shape == pictures.shape and changed.device == pictures.device
    assert changed.dtype == pictures.dtype or (name == "recoloured" and changed.dtype == torch.float32)
    assert float(changed.min()) >= 0 and float(changed.max()) <= 255
    assert torch.equal(pictures, kept), "what came is left as it was"
    torch.manual_seed(seed)
    assert torch.equal(CHANGES[name](pictures), changed), "the seed decides"


@given(shape=shapes)
@settings(max_examples=20, deadline=None)
def test_nothing_asked_is_nothing_done(shape: tuple):
    pictures = drawn(shape)
    for same in (augment.shifted(pictures, 0), augment.recoloured(pictures, 0.0), augment.erased(pictures, 0.0)):
        assert same is pictures


@given(shape=shapes, seed=st.integers(0, 2**30))
@settings(max_examples=20, deadline=None)
def test_a_mirrored_picture_is_itself_or_its_mirror_image(shape: tuple, seed: int):
    pictures = drawn(shape, seed)
    torch.manual_seed(seed)
    for before, after in zip(pictures, augment.mirrored(pictures), strict=True):
        assert torch.equal(after, before) or torch.equal(after, before.flip(-1))


def test_about_half_are_mirrored():
    torch.manual_seed(0)
    pictures = drawn((400, 1, 1, 2))
    pictures[:, :, :, 0], pictures[:, :, :, 1] = 0, 1
    assert 150 < int(augment.mirrored(pictures)[:, 0, 0, 0].sum()) < 250


def test_a_shift_moves_every_pixel_alike_and_the_edge_fills_the_rest():
    torch.manual_seed(0)
    pictures, most = drawn((60, 3, 9, 9)), 2
    padded = torch.nn.functional.pad(pictures.float(), (most,) * 4, mode="replicate")
    seen = set()
    for before, after in zip(padded, augment.shifted(pictures, most), strict=True):
        places = [
            (r, c) for r in range(5) for c in range(5) if torch.equal(before[:, r : r + 9, c : c + 9], after.float())
        ]
        assert places
        seen.update(places)
    assert len(seen) > 15, "every shift comes up"


def test_erasing_leaves_the_rest_as_it_was():
    torch.manual_seed(0)
    pictures = drawn((200, 3, 20, 20))
    changed = (augment.erased(pictures, 0.5) != pictures).any(1).flatten(1).float().mean(1)
    assert 60 < int((changed > 0).sum()) < 140
    assert float(changed.max()) < 0.3


def test_grey_pictures_stay_grey_when_recoloured():
    torch.manual_seed(0)
    grey = drawn((4, 1, 5, 5)).expand(4, 3, 5, 5)
    changed = augment.recoloured(grey, 0.4)
    assert torch.allclose(changed[:, :1].expand_as(changed), changed, atol=1e-3)
