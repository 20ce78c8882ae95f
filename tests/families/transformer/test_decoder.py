import pytest
import torch

from netwright.core.errors import InputError
from netwright.families.transformer.decoder import BOUND, Decoder


def made(window: int = 12, *, tied: bool = False) -> Decoder:
    torch.manual_seed(0)
    decoder = Decoder(11, 16, heads=2, layers=2, window=window, tied=tied)
    for p in decoder.parameters():
        torch.nn.init.normal_(p, std=0.3)
    return decoder.double().eval()


TOKENS = torch.randint(0, 11, (3, 12), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("parts", [[12], [1] * 12, [5, 1, 1, 5], [1, 11]])
def test_the_cache_gives_what_the_whole_forward_gives(parts: list[int]):
    decoder = made()
    whole, cache, found = decoder(TOKENS), decoder.start(3), []
    for part in TOKENS.split(parts, 1):
        x, cache = decoder.step(part, cache)
        found.append(x)
    assert torch.allclose(torch.cat(found, 1), whole, atol=1e-10)


def test_a_longer_text_slides_and_how_it_is_cut_is_no_matter():
    decoder, tokens = made(4), torch.cat([TOKENS, TOKENS], 1)
    ends = []
    for parts in ([24], [1] * 24, [7, 9, 8]):
        cache, found = decoder.start(3), []
        for part in tokens.split(parts, 1):
            x, cache = decoder.step(part, cache)
            found.append(x)
        assert cache.keys[0].shape[2] == 4
        ends.append(torch.cat(found, 1))
    assert torch.allclose(ends[0], ends[1], atol=1e-10) and torch.allclose(ends[0], ends[2], atol=1e-10)
    assert torch.allclose(ends[0][:, :4], decoder(tokens[:, :4]), atol=1e-10)


def test_it_never_sees_ahead():
    decoder, other = made(), TOKENS.clone()
    other[:, 7:] = (other[:, 7:] + 1) % 11
    assert torch.equal(decoder(TOKENS)[:, :7], decoder(other)[:, :7])
    assert not torch.allclose(decoder(TOKENS)[:, 7], decoder(other)[:, 7])


def test_logits_are_bounded_and_begin_at_zero():
    decoder = made()
    assert decoder.logits(100 * decoder(TOKENS)).abs().max() <= BOUND
    fresh = Decoder(11, 16, heads=2, layers=1, window=4)
    assert (fresh.logits(fresh(TOKENS)) == 0).all()


def test_a_tied_head_is_the_table_of_the_tokens():
    decoder = made(tied=True)
    assert decoder.head.weight is decoder.tokens.weight
    assert len(list(decoder.parameters())) == 1 + 4 * 2


@pytest.mark.parametrize("wrong", [{"layers": 0}, {"window": 0}, {"expansion": 0}])
def test_sizes_that_cannot_be_built_are_refused(wrong: dict):
    with pytest.raises(InputError, match="layers or window"):
        Decoder(11, 16, **{"heads": 2, "layers": 1, "window": 4} | wrong)
