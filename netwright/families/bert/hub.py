"""The one file that imports `transformers`: a folder or a name on its hub, to an encoder, its weights and tokenizer.

What comes from there is data to us. Encoders are built from the library's own table of model types, weights are read as
safetensors by our own strict reader, and nothing is asked of the network where a folder is given.
"""

import logging
import os
import re
import socket
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlparse

import torch
from torch import Tensor, nn

from netwright.core.errors import InputError
from netwright.core.tensors import from_bytes
from netwright.families.bert.architecture import checked, positions
from netwright.families.bert.folder import read_config, weight_files

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "spm.model",
    "spiece.model",
    "sentencepiece.bpe.model",
)

PROBE = "a"
"""A text that every tokenizer is tried on."""
LONGEST = 1_000_000
"""Tokens; a tokenizer that does not say gives a number far beyond."""
STOPS = (KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError)
"""What is no fault of a file."""
OLDEST = 5
"""The first major version of transformers whose configs say which fields are their own."""


@dataclass(frozen=True, kw_only=True)
class Pretrained:
    """A network that others have trained, as it is known before its weights are read."""

    architecture: dict[str, object]
    """Its config.json, without what is no part of the encoder; `pad_token_id` is the tokenizer's."""
    tokenizer: str
    """Its tokenizer as the library tokenizers writes it, in JSON; it adds the marks of beginning and end."""
    pad: int
    """The token that pads."""
    length: int
    """Tokens of a row at most, the marks of beginning and end included."""
    origin: str
    """The folder or the name it was asked for by."""


def library() -> ModuleType:
    """`transformers`. Raises InputError where it is not installed."""
    try:
        import transformers
    except ImportError:
        transformers = None
    version = getattr(transformers, "__version__", "none")
    if transformers is None or int(version.split(".")[0]) < OLDEST:
        raise InputError(
            "Networks that others have trained are built by the library transformers, which is not installed.",
            got=f"transformers {version}",
            wanted=f"transformers {OLDEST} or later",
            fix='pip install "netwright[hf]"',
        )
    return transformers


@contextmanager
def quiet() -> Iterator[ModuleType]:
    """The library, which says nothing and warns of nothing while inside."""
    transformers = library()
    said = transformers.utils.logging
    level, bars = said.get_verbosity(), said.is_progress_bar_enabled()
    hub = logging.getLogger("huggingface_hub")
    before = hub.level
    said.set_verbosity_error()
    said.disable_progress_bar()
    hub.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield transformers
    finally:
        hub.setLevel(before)
        said.set_verbosity(level)
        if bars:
            said.enable_progress_bar()


def opened(pretrained: str) -> Pretrained:
    """What is in this folder, or on the hub under this name. Raises InputError for what can't be trained on."""
    library()
    folder = located(pretrained)
    config = read_config(folder)
    weight_files(folder)
    with quiet():
        architecture = _own(settled(config, str(folder / "config.json")))
        with torch.device("meta"):
            encoder(architecture, str(folder / "config.json"))
        backend, marked, pad, most = _tokenizer(folder)
    places = architecture.get("vocab_size")
    largest = max(backend.get_vocab(with_added_tokens=True).values(), default=0)
    if isinstance(places, int) and largest >= places:
        raise InputError(
            "Tokenizer and network don't belong together.",
            got=f"{folder}: tokens up to {largest}, and a network with {places} of them",
            wanted="a tokenizer whose tokens the network all has",
            fix="Save both from the same source: `model.save_pretrained(folder)`, `tokenizer.save_pretrained(folder)`.",
        )
    if marked.ids[-1:] in ([], [0]) or not marked.special_tokens_mask[-1]:
        raise InputError(
            "The tokenizer sets no mark behind a text, and such networks read the mark.",
            got=f"{folder}: {marked.tokens} for the text {PROBE!r}",
            wanted="a tokenizer that adds its marks, such as [CLS] a [SEP]",
            fix="Give it a post-processor: tokenizers.processors.TemplateProcessing.",
        )
    architecture["pad_token_id"] = pad
    length, marks = min(most, positions(architecture, pad)), sum(marked.special_tokens_mask)
    if length <= marks:
        raise InputError(
            "The network reads no more tokens of a text than the marks around it.",
            got=f"{folder}: {length} tokens at most, by max_position_embeddings or model_max_length, and {marks} marks",
            wanted=f"{marks + 1} tokens or more",
            fix="Correct config.json and tokenizer_config.json, or copy the folder again.",
        )
    return Pretrained(architecture=architecture, tokenizer=backend.to_str(), pad=pad, length=length, origin=pretrained)


def encoder(architecture: Mapping[str, object], origin: str = "its settings") -> nn.Module:
    """The encoder of this config, its weights drawn at random. Raises InputError or ValueError where it builds none."""
    with quiet() as transformers:
        config = settled(checked(architecture), origin)
        if strange := sorted(set(architecture) - set(_own(config))):
            raise ValueError(f"{strange[0]!r} is no part of a {config.model_type}")
        try:
            return transformers.AutoModel.from_config(config, dtype=torch.float32, trust_remote_code=False)
        except Exception as error:  # each network checks its sizes in a way of its own
            raise _no_network(origin, config.model_type, error) from None


def weights(pretrained: str, architecture: Mapping[str, object]) -> dict[str, Tensor]:
    """The weights of the encoder, by its own names for them.

    What the file holds besides, such as the head that was trained on, is left; a pooler may be missing, for it is not
    used. Raises InputError where others are missing or of another size, or the file has more layers than the config,
    and ArtifactError for a file that is damaged or no safetensors.
    """
    with quiet() as transformers:
        folder = located(pretrained)
        tensors: dict[str, Tensor] = {}
        for file in weight_files(folder):
            tensors |= from_bytes(file.read_bytes(), str(file))
        config = settled(architecture, str(folder / "config.json"))
        kind = transformers.MODEL_MAPPING[type(config)]
        network, found = kind.from_pretrained(
            None,
            config=config,
            state_dict=tensors,
            dtype=torch.float32,
            use_safetensors=True,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    _refuse_others(network, found, str(folder))
    return {name: t for name, t in network.state_dict().items() if name not in found["missing_keys"]}


def _refuse_others(network: nn.Module, found: Mapping[str, Any], origin: str) -> None:
    """Raise InputError where the weights are not those of the network that the config tells of."""
    inside = tuple(f"{name}." for name, _ in network.named_children())
    prefix = f"{getattr(network, 'base_model_prefix', '')}."
    more = [n for n in found["unexpected_keys"] if n.removeprefix(prefix).startswith(inside) and "pooler" not in n]
    wrong = [f"{name} is {tuple(was)}, not {tuple(now)}" for name, was, now in found["mismatched_keys"]]
    missing = [f"{name} is missing" for name in found["missing_keys"] if not name.startswith("pooler")]
    amiss = [*wrong, *missing, *(f"{name} has no place" for name in more)]
    if amiss:
        raise InputError(
            "The weights are not those of the network that config.json tells of.",
            got=f"{origin}: {'; '.join(sorted(amiss)[:3])}; {len(amiss)} tensor(s) in all",
            wanted="every tensor of the encoder, in the sizes of config.json, and no more layers than it has",
            fix="Save both together: `model.save_pretrained(folder)`.",
        )


def settled(architecture: Mapping[str, object], origin: str) -> Any:
    """The library's own record for this config. Raises InputError where it does not take it."""
    kind = library().CONFIG_MAPPING[str(architecture["model_type"])]
    try:
        return kind.from_dict({k: v for k, v in architecture.items() if k not in ("dtype", "torch_dtype")})
    except Exception as error:  # each record checks itself in a way of its own
        raise _no_network(origin, str(architecture["model_type"]), error) from None


def _no_network(origin: str, kind: str, error: Exception) -> InputError:
    return InputError(
        "The config tells of no network that can be built.",
        got=f"{origin}: {' '.join(str(error).split())[:300]}",
        wanted=f"settings of a {kind} as this transformers knows them",
        fix="Copy the folder again, or pip install --upgrade transformers.",
    )


def _own(config: Any) -> dict[str, object]:
    """What the config says of the encoder itself: nothing of labels, files, number formats or kernels."""
    names = set(vars(type(config)).get("__dataclass_fields__", ())) - set(library().PreTrainedConfig().to_dict())
    return {"model_type": config.model_type} | {k: v for k, v in config.to_dict().items() if k in names}


def _tokenizer(folder: Path) -> tuple[Any, Any, int, int]:
    """The tokenizer of the library tokenizers, what it makes of `PROBE`, its padding token, and its longest row."""
    marked = None
    try:
        found = library().AutoTokenizer.from_pretrained(
            str(folder), use_fast=True, trust_remote_code=False, local_files_only=True
        )
        backend = getattr(found, "backend_tokenizer", None)
        why = f"a {type(found).__name__}" if backend is None or not found.get_vocab() else ""
        if backend is not None:
            backend.no_truncation()
            backend.no_padding()
            marked = backend.encode(PROBE)
    except STOPS:
        raise
    except BaseException as error:  # a panic of its Rust code is no Exception; whatever goes wrong, there is none
        why, found, backend = " ".join(str(error).split())[:300] or type(error).__name__, None, None
    files = any((folder / name).is_file() for name in TOKENIZER_FILES)
    if found is None or backend is None or marked is None or why or not files:
        raise InputError(
            "The tokenizer that belongs to the network can't be read.",
            got=f"{folder}: {why or 'no file of one'}",
            wanted="tokenizer.json beside config.json",
            fix="Write it there: `AutoTokenizer.from_pretrained(…).save_pretrained(folder)`.",
        )
    return backend, marked, found.pad_token_id or 0, _longest(found.model_max_length, folder)


def _longest(said: object, folder: Path) -> int:
    """The tokens of a row that a tokenizer says it was made for. Raises InputError for what is no such number."""
    if isinstance(said, int | float) and not isinstance(said, bool) and said >= 1:
        return int(min(said, LONGEST))
    raise InputError(
        "The tokenizer does not say how long a text it was made for.",
        got=f"{folder / 'tokenizer_config.json'}: model_max_length {said!r}",
        wanted="a whole number, 1 or more",
        fix="Correct it there, or take model_max_length out: the network's own positions then count.",
    )


def located(pretrained: str) -> Path:
    """The folder, or where the files of this name on the hub lie once they are fetched. Raises InputError."""
    folder = Path(pretrained)
    if folder.is_dir():
        return folder
    if folder.exists() or not re.fullmatch(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", pretrained):
        raise InputError(
            "There is no such folder.",
            got=f"--pretrained {pretrained} ({'a file' if folder.exists() else 'nothing there'})",
            wanted="a folder with a network, or its name on a hub, such as distilbert-base-uncased",
            fix="Correct --pretrained.",
        )
    with quiet():
        try:
            return _fetched(pretrained)
        except (OSError, ValueError) as error:
            raise InputError(
                f"The network {pretrained!r} can't be fetched, and no folder is called so.",
                got=" ".join(str(error).split())[:300],
                wanted="a folder, or a name on a hub that can be reached",
                fix="Where there is a connection: `AutoModel.from_pretrained(name).save_pretrained(folder)`, the same "
                "with AutoTokenizer. Then copy the folder here and give --pretrained FOLDER.",
            ) from None


def _fetched(name: str) -> Path:
    """The folder in the library's own cache that its files were fetched to; only those that are read."""
    from transformers.utils import cached_file

    offline = not _reachable()

    def fetch(file: str) -> str | None:
        return cached_file(name, file, local_files_only=offline, _raise_exceptions_for_missing_entries=False)

    config = fetch("config.json")
    if config is None:
        raise OSError("no connection, and nothing fetched before" if offline else "there is no config.json")
    folder = Path(config).parent
    read_config(folder)
    for file in TOKENIZER_FILES:
        fetch(file)
    if fetch("model.safetensors") is None:
        if fetch("model.safetensors.index.json") is None:
            raise OSError("there is no model.safetensors; pickled weights, such as pytorch_model.bin, are not opened")
        shards = re.findall(r'"([\w.-]+\.safetensors)"', (folder / "model.safetensors.index.json").read_text())
        for file in sorted(set(shards)):
            fetch(file)
    return folder


def _reachable() -> bool:
    """Whether the hub's name is known here: asking costs nothing, where the library would try for half a minute."""
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
        return True
    host = urlparse(os.environ.get("HF_ENDPOINT", "https://huggingface.co")).hostname
    try:
        socket.getaddrinfo(host, 443)
    except OSError:
        return False
    return True
