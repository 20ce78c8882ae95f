"""NumPy's own files as tables; what could do harm is refused."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from netwright.core.errors import InputError
from netwright.data.sources import numpy_file
from netwright.data.sources.numpy_file import is_numpy, part_and_role, read_arrays, shapes
from netwright.data.sources.read import read

X = np.arange(12.0).reshape(4, 3)
Y = np.array(["a", "b", "a", "b"])


def test_rows_and_labels_are_a_table(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=X, y=Y)
    table = read(tmp_path / "a.npz")
    assert table.columns == ["x0", "x1", "x2", "y"]
    assert table["x1"].to_list() == X[:, 1].tolist()
    assert table["y"].to_list() == Y.tolist()


def test_one_array_is_a_table(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", X)
    assert read(tmp_path / "a.npy").columns == ["x0", "x1", "x2"]
    np.savez_compressed(tmp_path / "b.npz", age=X[:, 0], town=Y)
    assert read(tmp_path / "b.npz").columns == ["age", "town"]


def test_parts_that_are_not_read_are_told(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=X, y_train=Y, x_test=X, y_test=Y)
    table = read(tmp_path / "a.npz")
    assert table.columns == ["x0", "x1", "x2", "y"]
    assert "'x_test', 'y_test' was not read" in str(table.notices[0])


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("x", ("training", "rows")),
        ("X_test", ("test", "rows")),
        ("trainLabels", ("training", "labels")),
        ("val_images", ("validation", "rows")),
        ("ytest", ("test", "labels")),
        ("arr_0", ("training", None)),
    ],
)
def test_what_names_say(key: str, said: tuple) -> None:
    assert part_and_role(key) == said


@pytest.mark.parametrize("arrays", [{"x": X, "y": Y[:2]}, {"x": X, "z": X}, {"x": X, "y": np.zeros((4, 2, 2))}])
def test_what_is_no_table_is_refused(tmp_path: Path, arrays: dict) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(InputError, match="no rows of one table"):
        read(tmp_path / "a.npz")


def test_python_objects_are_never_unpickled(tmp_path: Path) -> None:
    odd = np.array([{"a": 1}, None], dtype=object)
    np.savez(tmp_path / "a.npz", odd=odd)
    np.save(tmp_path / "a.npy", odd)
    for name in ("a.npz", "a.npy"):
        with pytest.raises(InputError, match="never unpickled"):
            read(tmp_path / name)


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_what_is_cut_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    np.savez(path, x=X) if name == "a.npz" else np.save(path, X)
    data = path.read_bytes()
    for cut in (20, 100, len(data) - 1):
        path.write_bytes(data[:cut])
        with pytest.raises(InputError):
            read_arrays(path, name)
    with pytest.raises(InputError, match="can't be opened"):
        read_arrays(tmp_path / "none.npy", "none.npy")


def test_changed_bytes_are_refused(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", x=np.arange(1000.0))
    np.save(tmp_path / "a.npy", X)
    packed, plain = ((tmp_path / name).read_bytes() for name in ("a.npz", "a.npy"))
    for place in range(100, len(packed) - 100, 7):
        with pytest.raises(InputError):
            read_arrays(packed[:place] + bytes([packed[place] ^ 255]) + packed[place + 1 :], "a.npz")
    for old, new in ((b"}", b" "), (b"(4", b"(("), (b"'<f8'", b"'<x8'"), (b"'shape'", b"'shade'")):
        with pytest.raises(InputError, match="damaged or truncated"):
            read_arrays(plain.replace(old, new), "a.npy")


def bomb(shape: tuple[int, ...], values: int) -> bytes:
    """An archive whose array says that it has this shape."""
    file, inner = io.BytesIO(), io.BytesIO()
    np.lib.format.write_array_header_1_0(inner, {"descr": "|u1", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", inner.getvalue() + b"\0" * values)
    return file.getvalue()


def test_bombs_are_refused_before_they_are_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="needs more"):
        read_arrays(bomb((10**9, 10**9), 10), "bomb.npz")
    monkeypatch.setattr(numpy_file, "available_memory", lambda: 1 << 20)
    with pytest.raises(InputError, match="too large once it is unpacked"):
        read_arrays(bomb((1 << 21,), 1 << 21), "bomb.npz")


@pytest.mark.parametrize(
    "start", [b"\2\0" + (1 << 31).to_bytes(4, "little"), b"\3\0\xff\xff\xff\xff", b"\7\0", b"\1\0\x04"]
)
def test_a_header_is_judged_before_it_is_read(tmp_path: Path, start: bytes) -> None:
    data = b"\x93NUMPY" + start
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", data)
    (tmp_path / "a.npy").write_bytes(data)
    for name in ("a.npy", "a.npz"):
        assert shapes(tmp_path / name) == {}
        with pytest.raises(InputError, match="the header of"):
            read_arrays(tmp_path / name, name)


def test_all_versions_of_headers_are_read(tmp_path: Path) -> None:
    for version in ((1, 0), (2, 0), (3, 0)):
        with (tmp_path / "a.npy").open("wb") as file:
            np.lib.format.write_array(file, X, version)
        assert read_arrays(tmp_path / "a.npy", "a.npy")["array"].tolist() == X.tolist()


def test_a_large_file_stays_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "a.npy", X)
    monkeypatch.setattr(numpy_file, "available_memory", lambda: 100)
    array = read_arrays(tmp_path / "a.npy", "a.npy")["array"]
    assert isinstance(array, np.memmap)
    array[0, 0] = 99  # reaches this array alone
    assert np.load(tmp_path / "a.npy")[0, 0] == 0


def test_other_archives_are_none_of_numpys(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.txt", "x")
    data = (tmp_path / "a.zip").read_bytes()
    assert not is_numpy(data)
    assert shapes(tmp_path / "a.zip") == {}
    with pytest.raises(InputError, match="without a single array"):
        read_arrays(data, "a.zip")
