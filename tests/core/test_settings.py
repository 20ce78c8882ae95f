"""Settings: who wins, what is kept, and how a wrong one is told."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from netwright.core.errors import InputError
from netwright.core.settings import Settings, read_toml, resolve, to_toml


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"NETWRIGHT_{name.upper()}", raising=False)


def file(folder: Path, text: str) -> Path:
    path = folder / "settings.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_flag_then_environment_then_file_then_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    config = file(tmp_path, 'source = "file"\nseed = 3\nfamily = "mlp"\ntest_share = 0.3\n')
    monkeypatch.setenv("NETWRIGHT_SEED", "2")
    monkeypatch.setenv("NETWRIGHT_FAMILY", "linear")
    got = resolve({"source": "flag", "seed": 1, "family": None}, config)
    assert (got.source, got.seed, got.family, got.test_share, got.scaling) == ("flag", 1, "linear", 0.3, "robust")
    assert resolve({}, config).source == "file"
    monkeypatch.setenv("NETWRIGHT_SOURCE", "environment")
    assert resolve({}, config).source == "environment"
    assert resolve({"seed": 0}, config).seed == 0, "a zero is given, not missing"
    assert resolve({"balanced": False}, file(tmp_path, "balanced = true")).balanced is False


def test_tables_are_joined_key_by_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    config = file(tmp_path, 'source = "x"\n[kinds]\na = "number"\nb = "number"\n[config]\nepochs = 3\n')
    monkeypatch.setenv("NETWRIGHT_KINDS", '{"b": "category", "c": "category"}')
    got = resolve({"kinds": {"c": "boolean"}, "config": {"members": 2}}, config)
    assert got.kinds == {"a": "number", "b": "category", "c": "boolean"}
    assert got.config == {"epochs": 3, "members": 2}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("target", "a, b", ("a", "b")),
        ("target", '["a, b"]', ("a, b",)),
        ("exclude", "id", ("id",)),
        ("time_limit", "1.5", 1.5),
        ("balanced", "true", True),
        ("shuffle", "0", False),
        ("config", '{"hidden_sizes": [8, 8]}', {"hidden_sizes": [8, 8]}),
        ("query", "", ""),
    ],
)
def test_environment_values(monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: object):
    monkeypatch.setenv(f"NETWRIGHT_{name.upper()}", text)
    assert getattr(resolve({"source": "x"}), name) == value


@pytest.mark.parametrize("text", ["{", '{"a": }', "[1, 2", '{"a": "number"} more'])
def test_a_broken_list_in_the_environment(monkeypatch: pytest.MonkeyPatch, text: str):
    monkeypatch.setenv("NETWRIGHT_KINDS", text)
    with pytest.raises(InputError, match="NETWRIGHT_KINDS") as error:
        resolve({"source": "x"})
    assert text in error.value.got


@pytest.mark.parametrize(
    ("flags", "name", "got"),
    [
        ({"seed": -1}, "seed", "-1"),
        ({"seed": "many"}, "seed", "'many'"),
        ({"test_share": 0.9}, "test_share", "0.9"),
        ({"test_share": float("nan")}, "test_share", "nan"),
        ({"time_limit": 0}, "time_limit", "0"),
        ({"scaling": "log"}, "scaling", "'log'"),
        ({"colour": "red"}, "colour", "'red'"),
        ({"kinds": 3}, "kinds", "3"),
    ],
)
def test_a_wrong_flag_is_named(flags: dict, name: str, got: str):
    with pytest.raises(InputError, match=f"{name!r} from the flags") as error:
        resolve({"source": "x"} | flags)
    assert got in error.value.got and f"--{name.replace('_', '-')}" in error.value.fix


def test_the_place_of_a_wrong_value_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    config = file(tmp_path, 'source = "x"\nseed = -5\n')
    with pytest.raises(InputError, match=r"'seed' from .*settings.toml"):
        resolve({}, config)
    monkeypatch.setenv("NETWRIGHT_SEED", "-4")
    with pytest.raises(InputError, match="'seed' from the environment") as error:
        resolve({}, config)
    assert "-4" in error.value.got
    with pytest.raises(InputError, match="'source' from the defaults"):
        monkeypatch.delenv("NETWRIGHT_SEED")
        resolve({})


@pytest.mark.parametrize("data", [b"seed = ", b"\xff\xfe", b"a = 1\na = 2", None])
def test_a_settings_file_that_is_none(tmp_path: Path, data: bytes | None):
    path = tmp_path / "settings.toml"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(InputError, match="settings file can't be read") as error:
        resolve({"source": "x"}, path)
    assert str(path) in error.value.got


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBERS = st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.booleans()
PLAIN = TEXT | NUMBERS
SETTINGS = st.builds(
    Settings,
    source=TEXT,
    target=st.lists(TEXT, max_size=3).map(tuple),
    query=st.none() | TEXT,
    config=st.dictionaries(TEXT, PLAIN | st.lists(PLAIN, max_size=3), max_size=3),
    seed=st.integers(0, 2**63),
    time_limit=st.none() | st.floats(min_value=0, exclude_min=True),
    test_share=st.floats(0, 0.89),
    kinds=st.dictionaries(TEXT, TEXT, max_size=3),
    exclude=st.lists(TEXT, max_size=3).map(tuple),
    scaling=st.sampled_from(["robust", "quantile"]),
    balanced=st.booleans(),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("settings")


@examples(max_examples=150, deadline=None, derandomize=True)
@given(settings=SETTINGS)
def test_written_and_given_back_they_are_the_same(folder: Path, settings: Settings):
    path = file(folder, to_toml(settings))
    assert Settings.model_validate(read_toml(path)) == settings


def test_text_that_toml_is_strict_about(folder: Path):
    odd = 'quote " back\\ line\nreturn\r tab\t null\x00 delete\x7f next\x85 smile😀 \u2028 é'
    settings = Settings(source=odd, kinds={odd: odd}, exclude=(odd,))
    assert resolve({}, file(folder, to_toml(settings))) == settings


def test_settings_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        Settings(source="x").seed = 3  # type: ignore[misc]
