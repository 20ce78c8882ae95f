"""Pixels of whole albums: in this process and in others, in memory and on the disk, and what can't be read named."""

import os
import signal
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from netwright.core.errors import TrainingError
from netwright.core.notice import Notice
from netwright.data.pictures import crew, decoding, progress, shards
from netwright.data.pictures.album import Album
from netwright.data.pictures.crew import CRASHED, HUNG, Crew, Died, Worker
from netwright.data.pictures.decoding import decode
from netwright.data.pictures.loaders import FilePictures
from netwright.data.pictures.progress import Progress
from netwright.data.pictures.read import read_album
from netwright.data.pictures.worker import decode_all
from tests.data.pictures.make import column, noise, save

FORM = column(6, 5)
GEOMETRY = shards.geometry_of(FORM)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for i in range(40):
        save(tmp_path / "source" / "ab"[i % 2] / f"{i}.png", noise(6, 5, 3, i))
    return tmp_path / "source"


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other processes are worth while for the fewest pictures."""
    for name, value in (("FEWEST_FILES", 2), ("TRIED", 2), ("WORTH", 0.0), ("PART", 7)):
        monkeypatch.setattr(decoding, name, value)


def expected(album: Album) -> np.ndarray:
    numbers = [int(Path(name).stem) for name in album.names]
    return np.stack([noise(6, 5, 3, i).transpose(2, 0, 1) for i in numbers])


def test_processes_give_the_same_pixels(folder: Path, hurried: None) -> None:
    album = read_album(folder)
    done = decode(album, FORM, workers=2)
    np.testing.assert_array_equal(done.pixels, expected(album))
    np.testing.assert_array_equal(decode(album, FORM, workers=0).pixels, done.pixels)
    assert (done.good.all(), done.problems, done.mapped, done.pixels.dtype) == (True, (), False, np.uint8)


@pytest.mark.parametrize("workers", [0, 2])
def test_every_problem_is_named(folder: Path, hurried: None, workers: int) -> None:
    (folder / "a/4.png").write_bytes(b"")
    (folder / "b/13.png").write_bytes(b"some text")
    (folder / "b/39.png").write_bytes((folder / "b/37.png").read_bytes()[:60])
    album = read_album(folder)
    (folder / "a/30.png").unlink()  # after it was listed
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        done = decode(album, FORM, workers=workers)
    assert {album.names[row]: reason[:12] for row, reason in done.problems} == {
        "a/4.png": "the file is ",
        "a/30.png": "the file is ",
        "b/13.png": "it is no pic",
        "b/39.png": "it is trunca",
    }
    assert (~done.good).sum() == 4
    np.testing.assert_array_equal(done.pixels[done.good], expected(album)[done.good])


def test_a_picture_that_ends_a_process_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = Worker.ask

    def deadly(self: Worker, sources: list, geometry: dict):
        if any("13.png" in source for source in sources):
            self.process.kill()
            self.process.wait()
        return ask(self, sources, geometry)

    monkeypatch.setattr(Worker, "ask", deadly)
    (folder / "b/15.png").write_bytes(b"")
    check_one_is_lost(folder, CRASHED)


def check_one_is_lost(folder: Path, reason: str) -> None:
    album = read_album(folder)
    pixels, problems = np.zeros((40, 3, 6, 5), np.uint8), []

    def done(part: range, answer: tuple) -> None:
        pixels[part[0] : part[-1] + 1] = answer[0]
        problems.extend((part[0] + i, why) for i, why in answer[1])

    Crew(2).each([range(0, 30), range(30, 40)], album.loader.source, GEOMETRY, done)
    assert [(album.names[row], why) for row, why in problems] == [
        ("b/13.png", reason),
        ("b/15.png", "the file is empty"),
    ]
    good = [i for i in range(40) if i not in dict(problems)]
    np.testing.assert_array_equal(pixels[good], expected(album)[good])


def test_a_picture_that_never_ends_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = Worker.ask

    def endless(self: Worker, sources: list, geometry: dict):
        if any("13.png" in source for source in sources):
            self.process.send_signal(signal.SIGSTOP)
        return ask(self, sources, geometry)

    allowed = crew.allowed
    monkeypatch.setattr(Worker, "ask", endless)
    monkeypatch.setattr(crew, "allowed", lambda some: 0.2 if any("13.png" in s for s in some) else allowed(some))
    (folder / "b/15.png").write_bytes(b"")
    check_one_is_lost(folder, HUNG)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    assert "a pipe" in decode(read_album([tmp_path / "a.png"]), FORM).problems[0][1]


def test_without_other_processes_it_goes_on_here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> Worker:
        raise OSError("no more processes")

    monkeypatch.setattr(crew, "Worker", none)
    album = read_album(folder)
    made = []
    Crew(2).each([range(40)], album.loader.source, GEOMETRY, lambda part, answer: made.append(answer[0]))
    np.testing.assert_array_equal(made[0], expected(album))


def test_what_goes_wrong_here_ends_the_processes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    album = read_album(folder)
    crewed = Crew(2)

    def full(part: range, answer: tuple) -> None:
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space left"):
        crewed.each([range(i, i + 4) for i in range(0, 40, 4)], album.loader.source, GEOMETRY, full)
    assert all(worker.process.poll() is not None for worker in crewed.started)


def test_ctrl_c_reaches_this_process_alone(folder: Path) -> None:
    worker = Worker()
    try:
        assert os.getpgid(worker.process.pid) != os.getpgid(0)
        source = read_album(folder).loader.source(0)
        assert worker.ask([source], GEOMETRY)[1] == []
        worker.process.send_signal(signal.SIGTERM)
        worker.process.wait()
        with pytest.raises(Died):
            worker.ask([source], GEOMETRY)
    finally:
        worker.stop()


def test_pixels_too_many_for_memory_lie_on_the_disk(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NETWRIGHT_CACHE", str(tmp_path / "cache"))
    (folder / "a/4.png").write_bytes(b"")
    album = read_album(folder)
    done = decode(album, FORM, memory=100)
    assert done.mapped and isinstance(done.pixels, np.memmap)
    np.testing.assert_array_equal(done.pixels[done.good], expected(album)[done.good])

    def never(*_: object) -> None:
        raise AssertionError("decoded again")

    with monkeypatch.context() as patched:
        patched.setattr(decoding, "decode_all", never)
        again = decode(album, FORM, memory=100)
    np.testing.assert_array_equal(again.pixels, done.pixels)
    assert again.problems == done.problems and again.problems
    again.pixels[0] = 7  # reaches no file
    np.testing.assert_array_equal(decode(album, FORM, memory=100).pixels, done.pixels)
    files = sorted(path.suffix for path in (tmp_path / "cache/netwright/pictures").iterdir())
    assert files == [".json", ".pixels"]


def test_a_shard_is_found_again_only_for_the_same_pictures(folder: Path) -> None:
    album = read_album(folder)
    before = shards.fingerprint(album.loader, FORM)
    assert shards.fingerprint(read_album(folder).loader, FORM) == before
    assert shards.fingerprint(album.loader, column(6, 6)) != before
    os.utime(folder / "a/0.png", ns=(1, 1))
    assert shards.fingerprint(album.loader, FORM) != before
    assert shards.fingerprint(FilePictures(("/nowhere/x.png",)), FORM)
    arrays = read_album(np.zeros((2, 4, 4)))
    assert shards.fingerprint(arrays.loader, FORM) != shards.fingerprint(read_album(np.ones((2, 4, 4))).loader, FORM)


def test_a_damaged_shard_is_written_anew(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETWRIGHT_CACHE", str(tmp_path / "cache"))
    album = read_album(folder)
    decode(album, FORM, memory=0)
    place = tmp_path / "cache/netwright/pictures"
    for name, data in ((".pixels", b"short"), (".json", b"no json")):
        next(path for path in place.iterdir() if path.suffix == name).write_bytes(data)
        np.testing.assert_array_equal(decode(album, FORM, memory=0).pixels, expected(album))
    orphan = place / ".old.pixels.1.part"
    orphan.write_bytes(b"x")
    os.utime(orphan, (time.time() - 2 * shards.DAY,) * 2)
    (place / next(path for path in place.iterdir() if path.suffix == ".json")).unlink()
    decode(album, FORM, memory=0)
    assert not orphan.exists()


def test_a_cache_that_can_not_be_written_is_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NETWRIGHT_CACHE", str(tmp_path / "file"))
    with pytest.raises(TrainingError, match="NETWRIGHT_CACHE"):
        decode(read_album(folder), FORM, memory=0)
    monkeypatch.setenv("NETWRIGHT_CACHE", str(tmp_path / "cache"))

    def full(path: Path, size: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shards, "_reserve", full)
    with pytest.raises(TrainingError, match="disk is full"):
        decode(read_album(folder), FORM, memory=0)


class TestArrays:
    def test_what_is_right_already_is_not_copied(self) -> None:
        array = noise(9, 8, 3)[None].repeat(4, axis=0)
        for source in (array, np.ascontiguousarray(array.transpose(0, 3, 1, 2)), array[..., 0]):
            done = decode(read_album(source), column(9, 8, 1 if source.ndim == 3 else 3))
            assert np.shares_memory(done.pixels, source)

    def test_what_is_read_backwards_can_be_a_tensor(self) -> None:
        array = noise(9, 8, 3)[None].repeat(4, axis=0)[..., ::-1]
        pixels = decode(read_album(array), column(9, 8)).pixels
        np.testing.assert_array_equal(torch.from_numpy(pixels).numpy(), array.transpose(0, 3, 1, 2))

    @pytest.mark.parametrize(
        ("array", "low", "high", "wanted"),
        [
            (np.array([0.0, 0.5, 1.0]), 0, 1, [0, 128, 255]),
            (np.array([-1.0, 0.0, 1.0]), -1, 1, [0, 128, 255]),
            (np.array([0, 8, 16]), 0, 16, [0, 128, 255]),
            (np.array([0, 4095, 4100]), 0, 4095, [0, 255, 255]),
            (np.array([0, 8191, 16383]), 0, 4095, [0, 127, 255]),
            (np.array([False, True, True]), 0, 1, [0, 255, 255]),
            (np.array([0, 128, 255], np.uint8), 0, 1, [0, 128, 255]),
            (np.array([0.0, 0.5, 1.0]), 0, 255, [0, 128, 255]),
            (np.array([0.0, 128.0, 255.0]), 0, 255, [0, 128, 255]),
        ],
    )
    def test_numbers_are_scaled(self, array: np.ndarray, low: float, high: float, wanted: list[int]) -> None:
        album = read_album(array.reshape(1, 1, 3))
        assert decode(album, column(1, 3, 1, low=low, high=high)).pixels.ravel().tolist() == wanted

    def test_what_is_not_finite_is_named(self) -> None:
        array = np.zeros((700, 2, 2), np.float32)
        array[3, 0, 0], array[600, 1, 1] = np.nan, np.inf
        done = decode(read_album(array), column(2, 2, 1, high=1.0))
        assert [row for row, _ in done.problems] == [3, 600]
        assert "not finite" in done.problems[0][1]

    @pytest.mark.parametrize("channels", [1, 2, 3, 4])
    def test_sizes_and_channels_are_brought_together(self, channels: int) -> None:
        album = read_album(np.full((2, 4, 6, channels), 255, np.uint8)) if channels != 2 else None
        if album is not None:
            assert (decode(album, column(8, 8, 3, fitting="pad")).pixels == 255).all()
            assert (decode(album, column(2, 2, 1)).pixels == 255).all()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_watch_is_told_how_far_it_is(
    folder: Path, hurried: None, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    told = []
    decode(read_album(folder), FORM, workers=workers, watch=told.append)
    counts = [int(str(notice).split(" of 40 pictures decoded, ")[0]) for notice in told]
    assert counts == sorted(counts) and counts[-1] == 40
    monkeypatch.setattr(progress, "PATIENCE", 60.0)
    told.clear()
    decode(read_album(folder), FORM, workers=workers, watch=told.append)
    assert told == []


def test_what_a_watch_raises_ends_the_work(folder: Path, hurried: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE", -1.0)

    def enough(notice: Notice) -> None:
        raise KeyboardInterrupt

    for source in (folder, np.zeros((3, 2, 2))):
        with pytest.raises(KeyboardInterrupt):
            decode(read_album(source), FORM, watch=enough)


def test_progress_is_told_when_it_takes_long() -> None:
    told = []
    count = Progress(1000, told.append)
    count.add(10)
    assert not told
    count.said -= 6
    count.add(10)
    assert str(told[0]).startswith("20 of 1,000 pictures decoded")


def test_an_order_is_answered_as_it_would_be_here(folder: Path) -> None:
    worker = Worker()
    try:
        sources = [read_album(folder).loader.source(i) for i in range(3)] + [b""]
        there, here = worker.ask(sources, GEOMETRY), decode_all(sources, GEOMETRY)
        np.testing.assert_array_equal(there[0], here[0])
        assert there[1] == here[1] == [(3, "there is no picture")]
    finally:
        worker.stop()
