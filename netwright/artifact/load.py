"""Read an artifact back, trusting nothing in it: checksums, then a strict manifest, then shapes, then weights."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from pydantic import ValidationError
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from netwright.artifact.manifest import FORMAT, FileEntry, Manifest, seal
from netwright.core.errors import ArtifactError, InputError
from netwright.core.files import sha256
from netwright.core.forms import TextForm
from netwright.core.record import Record
from netwright.core.tensors import damaged, from_bytes, strict_json
from netwright.core.version import VERSION
from netwright.data.text.tokenizer import load_tokenizer
from netwright.families.family import Family
from netwright.families.namespace import namespace
from netwright.families.registry import NAMES, fitting

LARGEST_MANIFEST = 200_000_000
"""Bytes; a manifest larger than this is none of ours."""


def load(path: Path) -> tuple[Manifest, nn.Module]:
    """The manifest and the module, in eval mode, of an artifact or of the run folder it lies in.

    Raises InputError where there is none, ArtifactError where it is damaged, hostile or of a newer version.
    """
    path = _artifact(path)
    manifest = _manifest(path)
    if isinstance(manifest.data.form, TextForm):
        try:
            load_tokenizer(manifest.data.form.tokenizer)
        except ValueError as error:
            raise damaged(f"{path}/manifest.json", str(error)) from None
    files = {name: _file(path, name, entry) for name, entry in manifest.files.items()}
    tensors: dict[str, Tensor] = {}
    for name, data in files.items():
        folder, _, last = name.rpartition("/")
        if last == "model.safetensors":
            inner = from_bytes(data, f"{path}/{name}")
            tensors |= {f"{folder}.{key}" if folder else key: tensor for key, tensor in inner.items()}
    return manifest, _module(manifest, tensors, f"{path}/model.safetensors")


def _artifact(path: Path) -> Path:
    for folder in (path, path / "model"):
        if (folder / "manifest.json").is_file():
            return folder
    raise InputError(
        "There is no trained network here.",
        got=f"{path} ({'a folder' if path.is_dir() else 'a file' if path.exists() else 'nothing there'})",
        wanted="a run folder, or the model/ folder in it",
        fix="Give the folder that `netwright train` named at its end, such as runs/penguins.",
    )


def _manifest(path: Path) -> Manifest:
    file = path / "manifest.json"
    if file.is_symlink():
        raise damaged(str(file), "a link that may point outside the folder")
    if file.stat().st_size > LARGEST_MANIFEST:
        raise damaged(str(file), f"{file.stat().st_size:,} bytes")
    values = strict_json(file.read_bytes(), str(file))
    version = values.get("format")
    if isinstance(version, int) and version > FORMAT:
        raise ArtifactError(
            f"{path} was written by a newer netwright.",
            got=f"format {version}, written by netwright {values.get('netwright')}",
            wanted=f"format {FORMAT} or older (this is netwright {VERSION})",
            fix="pip install --upgrade netwright",
        )
    if values.get("sha256") != seal(values):
        raise damaged(str(file), "values other than were written: some bits changed")
    try:
        manifest = Manifest.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise damaged(str(file), f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    if "model.safetensors" not in manifest.files:
        raise damaged(str(file), "no model.safetensors among its files")
    return manifest


def _file(path: Path, name: str, entry: FileEntry) -> bytes:
    """The bytes of a file of the folder, checked against the manifest before anybody parses them."""
    file, parts = path / name, name.split("/")
    plain = all(part == Path(part).name and part and not part.startswith(".") for part in parts)
    linked = file.is_symlink() or (len(parts) > 1 and file.parent.is_symlink())
    if len(name) > 200 or len(parts) > 2 or not plain or "\\" in name or linked:
        raise damaged(str(path), f"a file {name!r} that may point outside the folder")
    if not file.is_file():
        raise damaged(str(path), f"no file {name}")
    if file.stat().st_size != entry.bytes:
        raise damaged(str(file), f"{file.stat().st_size:,} bytes where the manifest says {entry.bytes:,}")
    data = file.read_bytes()
    if sha256(data) != entry.sha256:
        raise damaged(str(file), "a SHA-256 other than the manifest's: some bits changed")
    return data


def _module(manifest: Manifest, tensors: dict[str, Tensor], origin: str) -> nn.Module:
    """The family's module with these weights; built without memory first, so that a wrong size costs nothing."""
    if manifest.family not in NAMES:
        raise damaged(origin, f"a family {manifest.family!r} that is none of ours")
    try:
        family = fitting(manifest.family, manifest.data.data, manifest.task.kind)
    except InputError:
        raise damaged(
            origin, f"a family {manifest.family!r} for {manifest.task.kind} on {manifest.data.data} data"
        ) from None
    with torch.device("meta"), Undrawn():
        module = _build(family, manifest, origin)
    wanted = {name: (tuple(t.shape), t.dtype) for name, t in module.state_dict().items()}
    got = {name: (tuple(t.shape), t.dtype) for name, t in tensors.items()}
    if wanted != got:
        name = next(n for n in [*wanted, *got] if wanted.get(n) != got.get(n))
        raise damaged(origin, f"the tensor {name!r} is {got.get(name)} where the manifest needs {wanted.get(name)}")
    module.load_state_dict(tensors, assign=True)
    return module.eval()


class Undrawn(TorchFunctionMode):
    """While inside, first weights are not drawn: they are replaced anyhow, and on the meta device drawing them imports
    all of torch's compiler, which takes a second.
    """

    def __torch_function__(
        self, func: Callable, types: Sequence[type], args: tuple = (), kwargs: dict | None = None
    ) -> object:
        """Call what torch would have called, unless it fills a tensor with random numbers."""
        if getattr(func, "__name__", "") in ("normal_", "uniform_", "trunc_normal_", "kaiming_uniform_"):
            return args[0] if args else (kwargs or {})["tensor"]
        return func(*args, **(kwargs or {}))


def _build(family: Family, manifest: Manifest, origin: str) -> nn.Module:
    try:
        config: Record = family.config.model_validate(manifest.config)
        return family.build(config, manifest.data, manifest.task, namespace(manifest.layers))
    except (ValidationError, InputError, RuntimeError, OverflowError, TypeError, ValueError) as error:
        raise damaged(origin, f"settings that build no network: {str(error).splitlines()[0]}") from None
