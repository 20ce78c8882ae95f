"""What is taken from a folder or a hub, and what is refused: nothing of it may run."""

import json
import pickle
import shutil
import socket
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from netwright.core.errors import ArtifactError, InputError
from netwright.core.tensors import from_bytes, to_bytes
from netwright.families.bert import hub
from netwright.families.bert.architecture import positions
from tests.families.bert import made


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `save_pretrained` writes it, of a network that has learned nothing."""
    return made.pretrained(tmp_path_factory.mktemp("whole"), steps=0, width=16)


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy that may be spoiled."""
    return Path(shutil.copytree(whole, tmp_path / "copy"))


def changed(folder: Path, **values: object) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def test_a_folder_is_opened(folder: Path, capfd: pytest.CaptureFixture[str]):
    found = hub.opened(str(folder))
    assert (found.length, found.pad, found.origin) == (32, made.PAD, str(folder))
    assert found.architecture["model_type"] == "bert" and found.architecture["hidden_size"] == 16
    assert not {"architectures", "dtype", "transformers_version", "id2label"} & set(found.architecture)
    own = hub.weights(str(folder), found.architecture)
    saved = from_bytes((folder / "model.safetensors").read_bytes(), "saved")
    assert own and all(torch.equal(tensor, saved[f"bert.{name}"]) for name, tensor in own.items())
    assert set(hub.encoder(found.architecture).state_dict()) - set(own) == {"pooler.dense.weight", "pooler.dense.bias"}
    assert capfd.readouterr() == ("", "")


def test_weights_in_several_files_are_one(folder: Path):
    architecture = hub.opened(str(folder)).architecture
    before = hub.weights(str(folder), architecture)
    tensors = from_bytes((folder / "model.safetensors").read_bytes(), "saved")
    (folder / "model.safetensors").unlink()
    index = {name: f"part-{i % 2}.safetensors" for i, name in enumerate(tensors)}
    for part in set(index.values()):
        (folder / part).write_bytes(to_bytes({name: t for name, t in tensors.items() if index[name] == part}))
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    after = hub.weights(str(folder), architecture)
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    for strange in ("../part-0.safetensors", "gone.safetensors", "part-0.bin"):
        places = {"weight_map": {**index, "x": strange}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(places))
        with pytest.raises(InputError, match="missing"):
            hub.opened(str(folder))


def test_a_folder_without_weights_says_what_to_copy(folder: Path):
    (folder / "model.safetensors").unlink()
    with pytest.raises(InputError, match="no weights") as error:
        hub.opened(str(folder))
    assert "save_pretrained" in error.value.fix


def test_pickled_weights_are_refused_and_never_opened(folder: Path):
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'touch opened'\ntR.")
    with pytest.raises(InputError, match="pickle") as error:
        hub.opened(str(folder))
    assert "safe_serialization=True" in error.value.fix
    (folder / "model.safetensors").write_bytes(pickle.dumps({"a": 1}))
    architecture = json.loads((folder / "config.json").read_text())
    with pytest.raises(ArtifactError, match="pickle"):
        hub.weights(str(folder), architecture)


@pytest.mark.parametrize("kind", ["gpt2", "t5", "vit", "llama", "convbert", "my-own", None])
def test_another_architecture_is_refused_by_its_name(folder: Path, kind: str | None):
    changed(folder, model_type=kind)
    with pytest.raises(InputError, match=str(kind)) as error:
        hub.opened(str(folder))
    assert "distilbert" in error.value.wanted


def test_code_beside_the_weights_never_runs(folder: Path):
    (folder / "modeling.py").write_text("raise SystemExit('ran')")
    changed(folder, auto_map={"AutoModel": "modeling.Own"}, model_type="own")
    with pytest.raises(InputError, match="code that comes with its weights"):
        hub.opened(str(folder))


def test_a_config_that_is_none_is_told(folder: Path, tmp_path: Path):
    changed(folder, num_attention_heads=5)
    with pytest.raises(InputError, match="can be built"):
        hub.opened(str(folder))
    changed(folder, num_attention_heads="many")
    with pytest.raises(InputError, match="can be built"):
        hub.opened(str(folder))
    (folder / "config.json").write_text("[1]")
    with pytest.raises(InputError, match=r"config\.json can't be read"):
        hub.opened(str(folder))
    (folder / "config.json").unlink()
    with pytest.raises(InputError, match=r"no config\.json"):
        hub.opened(str(folder))


def test_weights_of_another_network_are_told(folder: Path):
    architecture = hub.opened(str(folder)).architecture
    for name, more in {"intermediate_size": 64, "num_hidden_layers": 3}.items():
        with pytest.raises(InputError, match="not those of the network"):
            hub.weights(str(folder), architecture | {name: more})
    with pytest.raises(InputError, match="has no place"):
        hub.weights(str(folder), architecture | {"num_hidden_layers": 1})


def test_a_tokenizer_that_does_not_fit_is_told(folder: Path):
    vocabulary = json.loads((folder / "config.json").read_text())["vocab_size"]
    changed(folder, vocab_size=20)
    with pytest.raises(InputError, match="don't belong together"):
        hub.opened(str(folder))
    changed(folder, vocab_size=vocabulary)
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer | {"post_processor": None}))
    with pytest.raises(InputError, match="no mark behind a text"):
        hub.opened(str(folder))
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(InputError, match="tokenizer"):
        hub.opened(str(folder))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    with pytest.raises(InputError, match="tokenizer that belongs"):
        hub.opened(str(folder))


def test_lengths_that_leave_nothing_to_read_are_told(folder: Path):
    file = folder / "tokenizer_config.json"
    about = json.loads(file.read_text())
    for most in (2, 1):
        file.write_text(json.dumps(about | {"model_max_length": most}))
        with pytest.raises(InputError, match="than the marks around it"):
            hub.opened(str(folder))
    for wrong in (-1, 0, "512", True, [3]):
        file.write_text(json.dumps(about | {"model_max_length": wrong}))
        with pytest.raises(InputError, match=r"how long a text|can't be read"):
            hub.opened(str(folder))
    with pytest.raises(InputError, match="how long a text"):
        hub._longest("512", folder)
    file.write_text(json.dumps({k: v for k, v in about.items() if k != "model_max_length"}))
    assert hub.opened(str(folder)).length == 32
    assert positions({"model_type": "bert", "max_position_embeddings": 0}, 0) == 0
    changed(folder, max_position_embeddings=0)
    with pytest.raises(InputError, match=r"than the marks around it|can be built"):
        hub.opened(str(folder))


class Panic(BaseException):
    """Like what the library raises where its Rust code panics."""


def test_a_tokenizer_that_panics_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch):
    def ended_by(error: type[BaseException]) -> None:
        def fail(*arguments: object, **options: object) -> None:
            raise error

        monkeypatch.setattr("transformers.AutoTokenizer.from_pretrained", fail)
        hub.opened(str(folder))

    with pytest.raises(InputError, match=r"(?s)can't be read.*Panic"):
        ended_by(Panic)
    with pytest.raises(KeyboardInterrupt):
        ended_by(KeyboardInterrupt)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No hub can be reached."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)

    def unknown(*arguments: object) -> None:
        raise OSError("Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)


@pytest.mark.usefixtures("offline")
def test_a_name_whose_files_were_fetched_before_needs_no_connection(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    place = tmp_path / "models--nobody--tiny"
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text("abc")
    folder = Path(shutil.copytree(whole, place / "snapshots" / "abc"))
    found = hub.opened("nobody/tiny")
    assert found == replace(hub.opened(str(whole)), origin="nobody/tiny")
    (folder / "model.safetensors").rename(folder / "part.safetensors")
    with pytest.raises(InputError, match="pickled weights"):
        hub.opened("nobody/tiny")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"x": "part.safetensors"}}))
    assert hub.opened("nobody/tiny") == found and hub.weights("nobody/tiny", found.architecture)


@pytest.mark.usefixtures("offline")
def test_a_name_needs_a_connection_and_a_path_none(tmp_path: Path):
    with pytest.raises(InputError, match="can't be fetched") as error:
        hub.opened("nobody/has-this-network")
    assert "--pretrained FOLDER" in error.value.fix
    for path in (tmp_path / "nowhere", tmp_path / "file"):
        (tmp_path / "file").write_text("")
        with pytest.raises(InputError, match="no such folder"):
            hub.opened(str(path))


def test_without_the_library_its_installation_is_named(monkeypatch: pytest.MonkeyPatch):
    for module in (None, SimpleNamespace(__version__="4.57.1")):
        monkeypatch.setitem(sys.modules, "transformers", module)
        with pytest.raises(InputError, match="not installed") as error:
            hub.opened("anything")
    assert error.value.fix == 'pip install "netwright[hf]"'
