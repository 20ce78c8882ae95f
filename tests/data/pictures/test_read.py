"""Every source of pictures but folders and tables gives an album; what is none is refused with its mend."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from netwright.core.errors import InputError, InputTypeError
from netwright.data.pictures.album import Album
from netwright.data.pictures.decoding import decode
from netwright.data.pictures.idx import read_idx
from netwright.data.pictures.read import holds_pictures, read_album
from tests.data.pictures.make import column, encoded, noise, save

X = np.stack([noise(4, 5, 3, seed) for seed in range(6)])
GREY = X[..., 0]
Y = np.array([0, 1, 2, 0, 1, 2])


def values(album: Album, channels: int = 3) -> np.ndarray:
    done = decode(album, column(4, 5, channels))
    assert done.good.all()
    return done.pixels


PLANES = X.transpose(0, 3, 1, 2)


@pytest.mark.parametrize(
    "source",
    [
        X,
        PLANES,
        torch.from_numpy(PLANES.copy()),
        list(X),
        list(PLANES),
        [Image.fromarray(x) for x in X],
        (X, Y),
        (X, Y.tolist()),
        (list(X), Y),
        {"x": X, "y": Y},
        {"image": torch.from_numpy(X), "label": torch.from_numpy(Y)},
    ],
    ids=lambda source: type(source).__name__,
)
def test_values_from_memory(source: object) -> None:
    assert holds_pictures(source)
    album = read_album(source)
    np.testing.assert_array_equal(values(album), PLANES)
    assert album.names[0] == "picture 1"
    labelled = (isinstance(source, tuple) and len(source) == 2) or isinstance(source, dict)
    assert album.target == ("label" if labelled else None)
    if labelled:
        assert album.table["label"].to_list() == Y.tolist()


@pytest.mark.parametrize("source", [GREY, torch.from_numpy(GREY.copy()), list(GREY), GREY[:, None], GREY[..., None]])
def test_grey_values_from_memory(source: object) -> None:
    np.testing.assert_array_equal(values(read_album(source), 1)[:, 0], GREY)


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [
        ((9, 3, 3, 1), (9, 1, 3, 3)),
        ((9, 1, 4, 4), (9, 1, 4, 4)),
        ((9, 3, 32, 3), (9, 3, 3, 32)),
        ((40, 30, 3), (1, 3, 40, 30)),
        ((9, 5, 3), (9, 1, 5, 3)),
    ],
)
def test_where_the_channels_are(shape: tuple, wanted: tuple) -> None:
    assert read_album(np.zeros(shape)).loader.arrays.shape == wanted


def test_a_tensor_that_could_be_both_has_its_channels_second() -> None:
    assert read_album(torch.zeros(9, 3, 32, 3)).loader.arrays.shape == (9, 3, 32, 3)


def test_lists_of_different_sizes() -> None:
    arrays = [noise(3, 4), noise(5, 6), noise(2, 2, 1)]
    for source in (arrays, [Image.fromarray(a) for a in arrays]):
        done = decode(read_album(source), column(5, 6))
        assert done.good.all()
        np.testing.assert_array_equal(done.pixels[1], arrays[1].transpose(2, 0, 1))
    assert decode(
        read_album([Image.new(mode, (2, 2)) for mode in ("CMYK", "F", "PA", "YCbCr", "I;16", "1")]), column(2, 2)
    ).good.all()


@pytest.mark.parametrize(
    "source", [np.zeros((3, 4)), [], (), [1, 2], {"a": [1]}, np.zeros((2, 2, 2, 2, 2)), 7, None, ["a.csv"]]
)
def test_what_holds_no_pictures(source: object) -> None:
    assert not holds_pictures(source)
    with pytest.raises((InputError, InputTypeError)):
        read_album(source)


@pytest.mark.parametrize("source", [np.zeros((2, 5, 6, 7)), np.zeros((0, 4, 4)), np.zeros((2, 4, 4), dtype=complex)])
def test_arrays_of_no_pictures_are_refused(source: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"shape \("):
        read_album(source)


def test_labels_must_match() -> None:
    for source in ({"x": X, "y": Y[:5]}, {"x_train": X, "y_train": Y, "x_test": X, "y_test": Y[:1]}):
        with pytest.raises(InputError, match="does not match the pictures"):
            read_album(source)


def test_forms_of_labels() -> None:
    hot = np.eye(3, dtype=int)[Y]
    assert read_album((X, hot)).table["label"].to_list() == Y.tolist()
    assert read_album((X, Y[:, None])).table["label"].to_list() == Y.tolist()
    assert read_album((X, np.ones((6, 2)))).table.columns == ["image", "label0", "label1"]
    album = read_album({"x": X, "digit": Y, "writer": np.arange(6)}, target="digit")
    assert (album.target, album.table.columns) == ("digit", ["image", "digit", "writer"])


class TestNumpyFiles:
    def test_parts(self, tmp_path: Path) -> None:
        path = tmp_path / "all.npz"
        np.savez(path, train_images=X, train_labels=Y[:, None], test_images=X[:3])
        assert holds_pictures(path)
        assert read_album(path).given == {}
        np.savez(path, xTrain=X, y_train=Y, x_val=X[:2], y_val=Y[:2], xtest=X[:3], ytest=Y[:3], extra=3)
        album = read_album(path)
        assert {part: rows.tolist() for part, rows in album.given.items()} == {"validation": [6, 7], "test": [8, 9, 10]}
        assert album.table["label"].to_list() == [*Y, *Y[:2], *Y[:3]]
        assert "'extra' was not read" in str(album.notices[0])

    def test_a_part_without_labels(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "a.npz", x_train=X, y_train=Y, x_test=X[:2])
        assert read_album(tmp_path / "a.npz").table["label"].to_list() == [*Y, None, None]

    def test_names_of_its_own(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "a.npz", X, Y)
        album = read_album(tmp_path / "a.npz", target="kind")
        assert (album.target, album.table["kind"].to_list()) == ("kind", Y.tolist())

    def test_an_npy_file(self, tmp_path: Path) -> None:
        np.save(tmp_path / "a.npy", GREY)
        assert holds_pictures(tmp_path / "a.npy")
        np.testing.assert_array_equal(values(read_album(tmp_path / "a.npy"), 1)[:, 0], GREY)

    def test_parts_must_be_alike(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "a.npz", x_train=X, x_test=GREY)
        with pytest.raises(InputError, match="different forms"):
            read_album(tmp_path / "a.npz")

    def test_rows_are_no_pictures(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "a.npz", x=np.zeros((4, 3)), y=np.zeros(4))
        assert not holds_pictures(tmp_path / "a.npz")
        with pytest.raises(InputError, match="holds no pictures"):
            read_album(tmp_path / "a.npz")


def idx(array: np.ndarray, kind: int = 8) -> bytes:
    return bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def write_idx(folder: Path, packed: bool = False) -> None:
    for part, images, labels in (("train", GREY, Y), ("t10k", GREY[:2], Y[:2])):
        for name, data in (
            (f"{part}-images-idx3-ubyte", idx(images)),
            (f"{part}-labels-idx1-ubyte", idx(labels.astype("u1"))),
        ):
            path = folder / (name + ".gz" * packed)
            path.write_bytes(gzip.compress(data) if packed else data)


class TestIdx:
    @pytest.mark.parametrize("packed", [False, True])
    @pytest.mark.parametrize("whole", [False, True])
    def test_the_files_of_mnist(self, tmp_path: Path, packed: bool, whole: bool) -> None:
        write_idx(tmp_path, packed)
        source = tmp_path if whole else tmp_path / ("train-images-idx3-ubyte" + ".gz" * packed)
        assert holds_pictures(source)
        album = read_album(source)
        assert album.table["label"].to_list() == [*Y, *Y[:2]]
        assert album.given["test"].tolist() == [6, 7]
        np.testing.assert_array_equal(values(album, 1)[:6, 0], GREY)

    def test_the_test_file_alone(self, tmp_path: Path) -> None:
        write_idx(tmp_path)
        album = read_album(tmp_path / "t10k-images-idx3-ubyte")
        assert (album.table.rows, album.given) == (2, {})

    def test_other_types_and_no_labels(self, tmp_path: Path) -> None:
        (tmp_path / "faces.idx").write_bytes(idx(np.arange(12, dtype=">f4").reshape(1, 3, 4), 13))
        album = read_album(tmp_path / "faces.idx")
        assert album.loader.arrays.ravel().tolist() == list(range(12))
        assert album.target is None

    @pytest.mark.parametrize("cut", [3, 10, 30, -1])
    def test_what_is_cut_or_changed_is_refused(self, tmp_path: Path, cut: int) -> None:
        path = tmp_path / "train-images-idx3-ubyte"
        path.write_bytes(idx(GREY)[:cut])
        with pytest.raises(InputError, match="no whole idx file"):
            read_idx(path)
        path.write_bytes(gzip.compress(idx(GREY))[:-9])
        with pytest.raises(InputError, match="no whole idx file"):
            read_idx(path)
        for data in (idx(GREY) + b"x", b"\1\2\3\4\5", b"", b"\0\0\x08\x03" + b"\xff" * 12):
            path.write_bytes(data)
            with pytest.raises(InputError, match="no whole idx file"):
                read_idx(path)


def test_picture_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save(Path("a.png"), X[0])
    save(Path("b.PNG"), X[1])
    Path("no-name").write_bytes(encoded(Image.fromarray(X[2]), "PNG"))
    for source, rows in (
        ("a.png", 1),
        (Path("a.png"), 1),
        (["a.png", Path("b.PNG")], 2),
        ("no-name", 1),
        (Image.open("a.png"), 1),
    ):
        assert holds_pictures(source)
        np.testing.assert_array_equal(values(read_album(source))[0], PLANES[0 if source != "no-name" else 2])
        assert read_album(source).table.rows == rows
    assert read_album(["a.png", "b.PNG"]).names == ["a.png", "b.PNG"]
    Path("t.csv").write_text("a,b\n1,2\n")
    assert not holds_pictures("t.csv")
    assert not holds_pictures("nothing.png")
    with pytest.raises(InputError, match="There is no file and no folder"):
        read_album("nothing.png")
