"""Which encoders may be built, and what a config.json may say of one: a closed table and bounds.

A config.json comes with weights from anywhere, and again with an artifact. It only ever chooses among the encoders that
the library transformers itself has.
"""

import json
import re
from collections.abc import Mapping

ENCODERS: dict[str, bool] = {
    "albert": False,
    "bert": False,
    "camembert": True,
    "data2vec-text": True,
    "deberta": False,
    "deberta-v2": False,
    "distilbert": False,
    "electra": False,
    "ernie": False,
    "eurobert": False,
    "gte": False,
    "ibert": True,
    "megatron-bert": False,
    "mobilebert": False,
    "modernbert": False,
    "mpnet": True,
    "nomic_bert": False,
    "rembert": False,
    "roberta": True,
    "roberta-prelayernorm": True,
    "roformer": False,
    "squeezebert": False,
    "xlm-roberta": True,
    "xlm-roberta-xl": True,
}
"""The model types that are taken, and whether positions are counted from behind the number of the padding token, so
that as many are lost. They are encoders of texts in which padding changes no answer, unlike in convbert or fnet.
"""
LARGEST = 1_000_000
"""Letters of a config as JSON."""
MOST_LAYERS = 512
MOST = 10_000_000
"""No honest size is larger."""


def checked(architecture: Mapping[str, object]) -> dict[str, object]:
    """The same settings. Raises ValueError for what no config of an encoder in the table says."""
    kind = architecture.get("model_type")
    if not isinstance(kind, str) or kind not in ENCODERS:
        raise ValueError(f"model_type {kind!r}; taken are {', '.join(ENCODERS)}")
    if architecture.get("is_decoder") or architecture.get("is_encoder_decoder"):
        raise ValueError("a decoder, which sees no later words")
    if len(json.dumps(architecture)) > LARGEST:
        raise ValueError(f"more than {LARGEST:,} letters")
    for name, value in architecture.items():
        _bounded(name, value)
    return dict(architecture)


def _bounded(name: str, value: object) -> None:
    if isinstance(value, Mapping):
        for inner, other in value.items():
            _bounded(str(inner), other)
    elif isinstance(value, list | tuple):
        for other in value:
            _bounded(name, other)
    elif isinstance(value, int | float):
        repeated = re.search("layer|group|network", name) and isinstance(value, int)
        if not abs(value) <= (MOST_LAYERS if repeated and not isinstance(value, bool) else MOST):
            raise ValueError(f"{name} = {value}")


def positions(architecture: Mapping[str, object], pad: int) -> int:
    """How many tokens a row of such a network may have, its marks of beginning and end included."""
    most = architecture.get("max_position_embeddings")
    if not isinstance(most, int):
        return 512
    return max(0, most - (pad + 1 if ENCODERS[str(architecture["model_type"])] else 0))
