"""A folder with a network that others have trained: what must lie in it, looked at before anything is built.

No code that lies there runs, and no pickle is opened: either could do anything on this computer.
"""

import json
from pathlib import Path

from netwright.core.errors import InputError
from netwright.families.bert.architecture import ENCODERS, checked

LARGEST_JSON = 50_000_000
"""Bytes of a config.json or an index of weights."""
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.h5", "*.msgpack")


def read_config(folder: Path) -> dict[str, object]:
    """What config.json says. Raises InputError where there is none, and where it tells of no encoder that is taken."""
    file = folder / "config.json"
    if not file.is_file():
        raise InputError(
            "The folder holds no network that transformers could read: there is no config.json.",
            got=f"--pretrained {folder}: {_listing(folder)}",
            wanted="config.json, model.safetensors and tokenizer.json side by side",
            fix="Give the folder that `model.save_pretrained` and `tokenizer.save_pretrained` wrote.",
        )
    config = _json(file)
    if "auto_map" in config:
        raise InputError(
            "This network needs code that comes with its weights, and such code is never run.",
            got=f"{file} with auto_map {str(config['auto_map'])[:200]}, model_type {config.get('model_type')!r}",
            wanted=f"an encoder that transformers itself has: {', '.join(ENCODERS)}",
            fix="Give --pretrained another network.",
        )
    try:
        return checked(config)
    except ValueError as error:
        raise InputError(
            f"The network {str(config.get('model_type'))!r} is none that can be trained on as an encoder of texts.",
            got=f"{file}: {error}",
            wanted=f"an encoder, one of {', '.join(ENCODERS)}",
            fix="Give --pretrained such a network, for example distilbert-base-uncased.",
        ) from None


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of the weights, one or several. Raises InputError where there are none, or not all."""
    if (folder / "model.safetensors").is_file():
        return [folder / "model.safetensors"]
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        return _shards(folder, index)
    if pickles := sorted(file.name for pattern in PICKLES for file in folder.glob(pattern)):
        raise InputError(
            "The weights lie there as a pickle alone, which can run any code when it is opened.",
            got=f"{folder}: {', '.join(pickles[:5])}",
            wanted="model.safetensors",
            fix="Where you trust it, convert it once: AutoModel.from_pretrained(folder), then "
            "`model.save_pretrained(folder, safe_serialization=True)`.",
        )
    raise InputError(
        "The folder has no weights.",
        got=f"{folder}: {_listing(folder)}",
        wanted="model.safetensors, or model.safetensors.index.json and the files it names",
        fix="Copy the weights there: `model.save_pretrained(folder)`; those of an adapter must be merged before.",
    )


def _shards(folder: Path, index: Path) -> list[Path]:
    places = _json(index).get("weight_map")
    names = sorted({str(name) for name in places.values()}) if isinstance(places, dict) else []
    sound = [n for n in names if n == Path(n).name and n.endswith(".safetensors") and (folder / n).is_file()]
    if not names or sound != names:
        raise InputError(
            "Some of the weights are missing.",
            got=f"{index} names {', '.join(n for n in names if n not in sound)[:300] or 'no file'}",
            wanted="every file it names, as .safetensors, beside it",
            fix="Copy the whole folder, or save the network again with `model.save_pretrained(folder)`.",
        )
    return [folder / name for name in names]


def _json(file: Path) -> dict[str, object]:
    try:
        if file.stat().st_size > LARGEST_JSON:
            raise ValueError(f"{file.stat().st_size:,} bytes")
        value = json.loads(file.read_bytes().decode())
        if not isinstance(value, dict):
            raise ValueError(f"a JSON {type(value).__name__}")
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"{file.name} can't be read.",
            got=f"{file}: {error}",
            wanted="a JSON object, as transformers writes it",
            fix="Copy the folder again from where it was made.",
        ) from None
    return value


def _listing(folder: Path) -> str:
    names = sorted(path.name for path in folder.iterdir())
    return ", ".join(names[:8]) + (" …" if len(names) > 8 else "") if names else "an empty folder"
