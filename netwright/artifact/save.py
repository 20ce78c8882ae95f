"""Write an artifact: weights, manifest, model card."""

import json
from pathlib import Path

import torch
from torch import nn

from netwright.artifact.manifest import FORMAT, FileEntry, Manifest, seal
from netwright.core.files import sha256, sweep, write_folder
from netwright.core.forms import Form, SequenceForm, SeriesForm
from netwright.core.record import Record
from netwright.core.schema import Schema
from netwright.core.settings import LayersName
from netwright.core.tensors import to_bytes
from netwright.core.version import VERSION
from netwright.families.family import Family
from netwright.tasks import Task


def save(
    path: Path,
    module: nn.Module,
    *,
    task: Task,
    schema: Schema,
    family: Family,
    config: Record,
    layers: LayersName = "torch.nn",
    source: str,
    rows: int,
    figures: dict[str, float],
) -> Manifest:
    """Write the folder whole; one that exists at `path` is replaced."""
    files = _weights(module, family)
    if family.apart is not None:
        folder, make = family.apart
        files |= {f"{folder}/{name}": data for name, data in make(config, schema).items()}
    card = _card(task, schema, family.name, source, rows, figures)
    files["README.md"] = card.encode()
    manifest = Manifest(
        format=FORMAT,
        netwright=VERSION,
        torch=torch.__version__,
        source=source,
        rows=rows,
        figures=figures,
        task=task,
        data=schema,
        family=family.name,
        config=config.model_dump(mode="json"),
        layers=layers,
        files={name: FileEntry(bytes=len(data), sha256=sha256(data)) for name, data in files.items()},
    )
    sweep(path.parent)
    values = json.loads(manifest.model_dump_json())
    values["sha256"] = seal(values)
    write_folder(path, {**files, "manifest.json": json.dumps(values, indent=1).encode()})
    return manifest


def _weights(module: nn.Module, family: Family) -> dict[str, bytes]:
    """The files of weights: one, or one for the part that other tools are to read as well and one for the rest."""
    state = module.state_dict()
    if family.apart is None:
        return {"model.safetensors": to_bytes(state)}
    folder = family.apart[0]
    inner = {name.removeprefix(f"{folder}."): t for name, t in state.items() if name.startswith(f"{folder}.")}
    rest = {name: t for name, t in state.items() if not name.startswith(f"{folder}.")}
    return {"model.safetensors": to_bytes(rest), f"{folder}/model.safetensors": to_bytes(inner)}


def _card(task: Task, schema: Schema, family: str, source: str, rows: int, figures: dict[str, float]) -> str:
    """The model card, for people."""
    new = "new.csv" if schema.image is None else "new-pictures/"
    cleaned = task.kind == "denoising" and schema.image is not None
    use = f"netwright predict <this folder> {new} -o {'cleaned' if cleaned else 'answers.csv'}"
    if task.kind == "language":
        use = 'netwright generate <this folder> --prompt "…"'
    elif task.kind == "generation":
        use = "netwright generate <this folder> --count 64"
    lines = [
        f"# {', '.join(task.targets) or task.title}",
        "",
        f"A {family} network for {task.title}, trained by netwright {VERSION} on {rows:,} rows of `{source}`.",
        "",
        "| figure on held-out rows | |",
        "|---|---|",
        *(f"| {name} | {value:.4g} |" for name, value in figures.items()),
        "",
        _needs(schema),
        "",
        f"    {use}",
        "",
        "It was measured on rows like those it was trained on; on others it may be wrong without a sign.",
    ]
    return "\n".join(lines) + "\n"


def _needs(schema: Schema) -> str:
    image = schema.image
    if schema.form is not None:
        columns = [c.name for c in (*schema.texts, *schema.used)] or _columns(schema.form)
        return (
            f"It needs these columns: {', '.join(f'`{name}`' for name in columns)}." if columns else _fed(schema.form)
        )
    if image is None:
        return f"It needs these columns: {', '.join(f'`{c.name}`' for c in schema.used)}."
    colour = "grey" if image.channels == 1 else "colour"
    return f"It sees pictures of {image.height} × {image.width} pixels in {colour}; others are brought to that size."


def _columns(form: Form) -> list[str]:
    """The columns of series and of long tables of sequences."""
    match form:
        case SeriesForm():
            return [name for name in (form.time, form.id, *form.targets, *form.past, *form.known) if name]
        case SequenceForm() if form.id is not None:
            return [form.id, *([form.order] if form.order else []), *form.channels]
    return []


def _fed(form: Form) -> str:
    if isinstance(form, SequenceForm):
        return (
            f"It sees sequences of {len(form.channels)} channel(s): {', '.join(f'`{c}`' for c in form.channels[:20])}."
        )
    return "It goes on from any text."
