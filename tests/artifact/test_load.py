"""A damaged or hostile artifact loads nothing, and says why."""

import json
import pickle
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import netwright as nw
from netwright.artifact.manifest import seal
from netwright.core.files import sha256


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    random = np.random.default_rng(0)
    table = {"x": random.normal(size=60), "word": random.choice(["a", "b"], 60), "y": random.normal(size=60)}
    folder = tmp_path_factory.mktemp("runs") / "good"
    nw.train(table, target="y", config={"epochs": 2, "members": 2, "hidden_sizes": [8]}, output=folder)
    return folder / "model"


@pytest.fixture
def copy(good: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(good, tmp_path / "model"))


def edit(folder: Path, change: object) -> None:
    """Change the manifest's values in place."""
    values = json.loads((folder / "manifest.json").read_text())
    change(values)
    if "sha256" in values:
        values["sha256"] = seal(values)
    (folder / "manifest.json").write_text(json.dumps(values))


def replace_weights(folder: Path, data: bytes) -> None:
    """Put other weights in, with a manifest that vouches for them: a stranger's artifact, not an accident."""
    (folder / "model.safetensors").write_bytes(data)
    entry = {"bytes": len(data), "sha256": sha256(data)}
    edit(folder, lambda values: values["files"].update({"model.safetensors": entry}))


def refused(folder: Path, match: str) -> nw.ArtifactError:
    with pytest.raises(nw.ArtifactError, match=match) as caught:
        nw.load(folder)
    assert caught.value.fix
    return caught.value


def test_the_untouched_one_loads(copy: Path):
    assert nw.load(copy).predict({"x": [0.0], "word": ["a"]}).shape == (1,)


def test_what_is_no_artifact(tmp_path: Path):
    for path in (tmp_path, tmp_path / "nothing", Path(__file__)):
        with pytest.raises(nw.InputError, match="no trained network"):
            nw.load(path)


def test_truncated_weights(copy: Path):
    data = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(data[:-9])
    refused(copy, "not as it was saved")
    replace_weights(copy, data[:-9])
    refused(copy, "bytes of tensors")
    replace_weights(copy, data[:5])
    refused(copy, "truncated")


@pytest.mark.parametrize("name", ["model.safetensors", "README.md"])
def test_a_flipped_bit_anywhere(copy: Path, name: str):
    data = bytearray((copy / name).read_bytes())
    for place in (0, len(data) // 2, len(data) - 1):
        flipped = data.copy()
        flipped[place] ^= 4
        (copy / name).write_bytes(flipped)
        refused(copy, "some bits changed")


def test_a_missing_file(copy: Path):
    (copy / "model.safetensors").unlink()
    refused(copy, "no file model.safetensors")


def test_a_newer_version_is_refused_with_the_mend(copy: Path):
    edit(copy, lambda values: values.update(format=99))
    assert "pip install --upgrade" in refused(copy, "newer netwright").fix


@pytest.mark.parametrize(
    "name",
    [
        "../outside",
        "/etc/passwd",
        "sub/../../outside",
        "sub/deep/file",
        "sub//file",
        "sub/",
        "/sub",
        "..",
        ".hidden",
        "sub/.hidden",
        "a\\b",
    ],
)
def test_a_path_that_points_outside(copy: Path, name: str):
    (copy.parent / "outside").write_bytes(b"secret")
    edit(copy, lambda values: values["files"].update({name: {"bytes": 6, "sha256": sha256(b"secret")}}))
    refused(copy, "point outside")


def test_a_file_in_a_folder_of_the_artifact_is_checked_too(copy: Path):
    edit(copy, lambda values: values["files"].update({"sub/file": {"bytes": 6, "sha256": sha256(b"secret")}}))
    refused(copy, "no file sub/file")
    (copy.parent / "elsewhere").mkdir()
    (copy.parent / "elsewhere" / "file").write_bytes(b"secret")
    (copy / "sub").symlink_to(copy.parent / "elsewhere")
    refused(copy, "point outside")


def test_a_link(copy: Path):
    data = (copy / "README.md").read_bytes()
    (copy / "README.md").unlink()
    (copy.parent / "outside").write_bytes(data)
    (copy / "README.md").symlink_to(copy.parent / "outside")
    refused(copy, "point outside")


def test_a_duplicate_key(copy: Path):
    text = (copy / "manifest.json").read_text()
    (copy / "manifest.json").write_text(text.replace("{", '{"format": 1, ', 1))
    refused(copy, "twice")


def test_a_manifest_that_is_something_else(copy: Path):
    for text in ("", "[]", "{}", "not json", '{"format": 1}', "[" * 100_000, '{"format": null}'):
        (copy / "manifest.json").write_text(text)
        refused(copy, "not as it was saved")


def test_unknown_settings_family_or_size(copy: Path):
    original = (copy / "manifest.json").read_text()
    hostile = [
        lambda v: v.update(family="os.system"),
        lambda v: v["config"].update(hidden_sizes=[10**15]),
        lambda v: v["config"].update(hidden_sizes=[-1]),
        lambda v: v["config"].update(members=0),
        lambda v: v["config"].update(activation="__import__"),
        lambda v: v["config"].update(surprise=1),
        lambda v: v["data"]["columns"].pop(),
        lambda v: v["task"].update(kind="exec"),
        lambda v: v["files"].pop("model.safetensors"),
        lambda v: v["files"]["README.md"].update(sha256="0"),
    ]
    for change in hostile:
        (copy / "manifest.json").write_text(original)
        edit(copy, change)
        refused(copy, "not as it was saved")


def test_a_flipped_bit_in_the_manifest(copy: Path):
    original = (copy / "manifest.json").read_text()
    place = original.index('"center"') + 12
    (copy / "manifest.json").write_text(
        original[:place] + ("1" if original[place] != "1" else "2") + original[place + 1 :]
    )
    refused(copy, "not as it was saved")


def test_a_manifest_too_large_to_be_ours(copy: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("netwright.artifact.load.LARGEST_MANIFEST", 10)
    refused(copy, "not as it was saved")


def test_a_tensor_of_another_shape_or_type(copy: Path):
    from netwright.core.tensors import from_bytes, to_bytes

    tensors = from_bytes((copy / "model.safetensors").read_bytes(), "test")
    name = next(iter(tensors))
    replace_weights(copy, to_bytes(tensors | {name: tensors[name].flatten()[:1]}))
    refused(copy, "the tensor")
    replace_weights(copy, to_bytes(tensors | {name: tensors[name].double()}))
    refused(copy, "the tensor")
    replace_weights(copy, to_bytes(tensors | {"extra": torch.zeros(1)}))
    refused(copy, "the tensor 'extra'")


def test_a_pickle_is_never_opened(copy: Path, tmp_path: Path):
    class Bomb:
        def __reduce__(self) -> tuple:
            return Path.touch, (tmp_path / "exploded",)

    torch.save({"weights": Bomb()}, tmp_path / "bomb.pt")
    for data in (pickle.dumps(Bomb()), (tmp_path / "bomb.pt").read_bytes()):
        replace_weights(copy, data)
        refused(copy, "pickle")
    (copy / "manifest.json").write_bytes(pickle.dumps(Bomb()))
    refused(copy, "not as it was saved")
    assert not (tmp_path / "exploded").exists()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_ever_loads_or_gives_a_traceback(good: Path, tmp_path: Path, data: st.DataObject):
    folder = tmp_path / "fuzz"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(good, folder)
    name = data.draw(st.sampled_from(["manifest.json", "model.safetensors"]))
    original = (folder / name).read_bytes()
    start = data.draw(st.integers(0, len(original) - 1))
    stop = data.draw(st.integers(start, min(len(original), start + 40)))
    changed = original[:start] + data.draw(st.binary(max_size=40)) + original[stop:]
    if name == "model.safetensors" and data.draw(st.booleans()):
        replace_weights(folder, changed)
    else:
        (folder / name).write_bytes(changed)
    try:
        predictor = nw.load(folder)
    except (nw.ArtifactError, nw.InputError):
        return
    # What loads says what was saved: the same bytes, white space aside; weights may differ when vouched for.
    if name == "manifest.json":
        assert json.loads(changed) == json.loads(original)
    else:
        assert changed == original or predictor.manifest is not None


def test_the_header_says_more_than_memory_could_hold(copy: Path):
    header = json.dumps({"w": {"dtype": "F32", "shape": [2**62, 2**62], "data_offsets": [0, 4]}}).encode()
    replace_weights(copy, struct.pack("<Q", len(header)) + header + b"0000")
    refused(copy, "not as it was saved")
