"""What lies beside an encoder's weights in an artifact, so that transformers reads the folder back by itself."""

import json

from netwright.core.forms import TextForm
from netwright.core.record import Record
from netwright.core.schema import Schema
from netwright.families.bert.config import BertConfig

ROLES = {
    "unk_token": ("[UNK]", "<unk>"),
    "sep_token": ("[SEP]", "</s>", "<|end_of_text|>"),
    "cls_token": ("[CLS]", "<s>", "<|begin_of_text|>"),
    "mask_token": ("[MASK]", "<mask>", "<|mask|>"),
}
"""What the tokens with these names are for, in all tokenizers that have them."""


def files(config: Record, schema: Schema) -> dict[str, bytes]:
    """config.json, tokenizer.json and tokenizer_config.json."""
    form = schema.form
    assert isinstance(config, BertConfig) and isinstance(form, TextForm)
    tokens = {str(t["content"]): int(t["id"]) for t in json.loads(form.tokenizer).get("added_tokens", ())}
    pad = config.architecture.get("pad_token_id") or 0
    roles = {role: name for role, names in ROLES.items() for name in names if name in tokens}
    roles["pad_token"] = next((name for name, number in tokens.items() if number == pad), "[PAD]")
    about: dict[str, object] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": form.length,
        "model_input_names": ["input_ids", "attention_mask"],
        **roles,
    }
    return {
        "config.json": _json({**config.architecture, "dtype": "float32"}),
        "tokenizer.json": form.tokenizer.encode(),
        "tokenizer_config.json": _json(about),
    }


def marks_of(tokenizer: str) -> int:
    """How many marks a tokenizer, in JSON, sets around a text; 0 for one that this is not told of."""
    try:
        return _marks(json.loads(tokenizer).get("post_processor"))
    except (ValueError, AttributeError, TypeError, RecursionError):
        return 0


def _marks(step: object) -> int:
    if not isinstance(step, dict):
        return 0
    match step.get("type"):
        case "TemplateProcessing":
            return sum("SpecialToken" in piece for piece in step.get("single", ()))
        case "BertProcessing" | "RobertaProcessing":
            return 2
        case "Sequence":
            return sum(map(_marks, step.get("processors", ())))
    return 0


def _json(values: dict[str, object]) -> bytes:
    return (json.dumps(values, indent=2, sort_keys=True) + "\n").encode()
