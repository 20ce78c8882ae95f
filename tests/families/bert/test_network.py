"""The encoder under our head: padding changes nothing, and everything it needs is in its weights."""

import copy

import pytest
import torch

from netwright.artifact.load import Undrawn
from netwright.families.bert import hub
from netwright.families.bert.architecture import checked, positions
from netwright.families.bert.network import BertNetwork, kept
from netwright.families.bert.rates import depths

SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "vocab_size": 60,
    "max_position_embeddings": 24,
}
SAME = {"vocab_size": 60, "max_position_embeddings": 24}
KINDS: dict[str, dict[str, object]] = {
    "bert": SIZES,
    "distilbert": {**SAME, "dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64},
    "roberta": {**SIZES, "pad_token_id": 1},
    "albert": {**SIZES, "embedding_size": 16},
    "electra": {**SIZES, "embedding_size": 16},
    "deberta-v2": {**SIZES, "relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_biased_input": False},
    "mpnet": {**SIZES, "pad_token_id": 1},
    "modernbert": {
        **SIZES,
        "local_attention": 8,
        "pad_token_id": 3,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "cls_token_id": 1,
        "sep_token_id": 2,
    },
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def network(kind: str) -> BertNetwork:
    torch.manual_seed(0)
    return BertNetwork({"model_type": kind, **KINDS[kind]}, 1, (3,), 2).eval()


def rows(kind: str) -> tuple[torch.Tensor, ...]:
    """Three rows as long as the network takes, of which one is all padding behind the seventh token."""
    torch.manual_seed(1)
    architecture = {"model_type": kind, **KINDS[kind]}
    length = positions(architecture, int(str(architecture.get("pad_token_id", 0))))
    tokens = torch.randint(5, 60, (3, length), dtype=torch.int32)
    tokens[1, 7:] = 0
    tokens[:, 0] = 0 if kind == "roberta" else 4  # token 0 begins a text of roberta
    none = torch.zeros(3, 0, dtype=torch.int32)
    return tokens, none, none.float(), torch.randn(3, 1), torch.tensor([[0], [1], [2]])


def cut(inputs: tuple[torch.Tensor, ...], length: int) -> tuple[torch.Tensor, ...]:
    """The second row alone, with so many tokens."""
    return (inputs[0][1:2, :length], *(x[1:2] for x in inputs[1:]))


@every_kind
def test_padding_changes_no_answer(kind: str):
    made, inputs = network(kind), rows(kind)
    whole = made(*inputs)
    for length in (7, 8, 12):
        assert torch.allclose(made(*cut(inputs, length)), whole[1:2], atol=1e-6)
    with torch.no_grad():
        assert torch.allclose(made(*inputs), whole, atol=1e-6), "rows sorted by length and cut short"
        assert made(*(x[:0] for x in inputs)).shape == (0, 2)


@every_kind
def test_a_network_built_without_memory_is_whole_once_weights_are_loaded(kind: str):
    made, inputs = network(kind), rows(kind)
    with torch.device("meta"), Undrawn():
        fresh = BertNetwork({"model_type": kind, **KINDS[kind]}, 1, (3,), 2)
    fresh.load_state_dict(copy.deepcopy(made.state_dict()), assign=True)
    assert torch.equal(fresh.eval()(*inputs), made(*inputs))
    assert not [name for name, buffer in fresh.named_buffers() if buffer.is_meta]


@every_kind
def test_every_weight_that_is_trained_gets_a_gradient_and_a_layer(kind: str):
    made, inputs = network(kind), rows(kind)
    made.train()(*inputs).sum().backward()
    assert not [name for name, p in made.named_parameters() if p.requires_grad != (p.grad is not None)]
    depth, layers = depths(made.encoder)
    assert layers == (1 if kind == "albert" else 2), "the layers of an albert are one, used again"
    below = [name for name, at in depth.items() if at == 0]
    assert below and all("embedding" in name for name in below) and set(depth.values()) == set(range(layers + 1))


def test_what_is_kept_ends_with_the_last_token():
    tokens = torch.tensor([[0, 5, 0, 2, 0, 0], [0, 0, 0, 0, 0, 0]])
    assert kept(tokens).tolist() == [[True] * 4 + [False] * 2, [True] + [False] * 5]


@pytest.mark.parametrize(
    "more",
    [
        {"model_type": "gpt2"},
        {"model_type": "no-such"},
        {"model_type": ["bert"]},
        {"is_decoder": True},
        {"num_hidden_layers": 10**9},
        {"vocab_size": 10**12},
        {"rope_parameters": {"full": {"theta": float("inf")}}},
        {"hidden_act": "x" * 10**6},
    ],
)
def test_a_config_that_is_no_encoder_of_sane_size_is_refused(more: dict):
    with pytest.raises(ValueError):
        checked({"model_type": "bert", **SIZES, **more})


def test_a_config_may_not_hold_what_is_no_part_of_the_encoder():
    with pytest.raises(ValueError, match="quantization_config"):
        hub.encoder({"model_type": "bert", **SIZES, "quantization_config": {"bits": 4}})
    with pytest.raises(ValueError, match="heads"):
        hub.encoder({"model_type": "bert", **SIZES, "num_attention_heads": 5})
