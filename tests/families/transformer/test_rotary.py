import torch

from netwright.families.transformer.rotary import rotated, turns


def test_a_rotation_keeps_lengths_and_position_zero_is_none():
    x = torch.randn(2, 3, 5, 8, generator=torch.Generator().manual_seed(0))
    y = rotated(x, *turns(0, 5, 8, x))
    assert torch.allclose(y.norm(dim=-1), x.norm(dim=-1), atol=1e-5)
    assert torch.equal(y[:, :, 0], x[:, :, 0])


def test_how_a_query_meets_a_key_depends_on_how_far_apart_they_stand_alone():
    generator = torch.Generator().manual_seed(0)
    query, key = torch.randn(2, 1, 1, 1, 8, generator=generator, dtype=torch.float64)
    met = {}
    for first in (0, 7, 1000):
        a, b = (rotated(x.expand(1, 1, 6, 8), *turns(first, 6, 8, x)) for x in (query, key))
        met[first] = (a @ b.mT)[0, 0]
    assert torch.allclose(met[0], met[7]) and torch.allclose(met[0], met[1000])
    for apart in range(-5, 6):
        line = met[0].diagonal(apart)
        assert torch.allclose(line, line[0].expand_as(line))
    assert not torch.allclose(met[0][3, 2], met[0][2, 3]), "before is not after"


def test_a_cut_of_the_positions_is_as_the_whole():
    like = torch.zeros((), dtype=torch.float64)
    whole, part = turns(0, 9, 4, like), turns(4, 5, 4, like)
    assert all(torch.allclose(a[4:], b) for a, b in zip(whole, part, strict=True))


def test_half_precision_tells_far_positions_apart():
    cosine, sine = turns(60_000, 2, 4, torch.zeros((), dtype=torch.bfloat16))
    assert cosine.dtype == torch.bfloat16
    assert not torch.equal(sine[0], sine[1])
