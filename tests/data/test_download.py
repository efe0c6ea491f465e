"""Ready-made data sets: written whole from the authors' files, never by running what is in them."""

import gzip
import io
import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest

from digits_core.data.download import ARCHIVES, download_data, read_idx
from digits_core.data.pictures import decode
from digits_core.errors import BadData, BadState, NotFound


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


@pytest.fixture
def mnist(tmp_path: Path) -> Path:
    folder = tmp_path / "idx"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for name, count in (("train", 12), ("t10k", 4)):
        pictures, labels = generator.integers(0, 256, (count, 28, 28)), np.arange(count) % 10
        (folder / f"{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(pictures)))
        (folder / f"{name}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))
    return folder


def cifar(path: Path, batches: dict[str, object]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in batches.items():
            data = content if isinstance(content, bytes) else pickle.dumps(content, 2)
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path.parent


def cifar10(count: int = 3) -> dict[str, object]:
    top = "cifar-10-batches-py/"
    generator = np.random.default_rng(0)
    batch = {b"data": generator.integers(0, 256, (count, 3072), np.uint8), b"labels": [0, 1, 9][:count]}
    names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    return {**{f"{top}data_batch_{number}": batch for number in range(1, 6)}, f"{top}test_batch": batch,
            f"{top}batches.meta": {b"label_names": [name.encode() for name in names]}}


def test_the_bundled_digits_need_no_network(tmp_path: Path) -> None:
    heard = []
    top = download_data("digits", tmp_path / "digits", report=lambda done, words: heard.append(done))
    assert len(list(top.rglob("*.png"))) == 1797 and heard[-1] == 1.0
    assert (top / "labels.txt").read_text().split() == [str(digit) for digit in range(10)]
    lines = (top / "train.txt").read_text().splitlines()
    assert lines[0] == "0/00000.png\t0" and len(lines) == 1797
    image = decode(top / "0" / "00000.png", "x").image
    assert image.size == (8, 8) and image.mode == "L" and image.getextrema() == (0, 239)


def test_mnist_from_its_files(tmp_path: Path, mnist: Path) -> None:
    top = download_data("mnist", tmp_path / "new" / "mnist", mnist)
    assert sorted(path.name for path in top.iterdir()) == ["labels.txt", "test", "test.txt", "train", "train.txt"]
    assert len(list((top / "train").rglob("*.png"))) == 12 and len(list((top / "test").rglob("*.png"))) == 4
    pixels = read_idx(mnist / "train-images-idx3-ubyte.gz")
    for number, line in enumerate((top / "train.txt").read_text().splitlines()):
        path, label = line.split("\t")
        assert label == str(number % 10) and decode(top / path, "x").image.tobytes() == pixels[number].tobytes()


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_cifar_from_its_archive(tmp_path: Path, name: str) -> None:
    if name == "cifar10":
        batches, count = cifar10(), 15
    else:
        batch = {b"data": np.zeros((3, 3072), np.uint8), b"fine_labels": [0, 1, 99], b"coarse_labels": [0, 0, 0]}
        batches, count = {"cifar-100-python/train": batch, "cifar-100-python/test": batch, "cifar-100-python/meta": {
            b"fine_label_names": [f"class_{number}".encode() for number in range(100)]}}, 3
    source = cifar(tmp_path / ARCHIVES[name][0].name, batches)
    top = download_data(name, tmp_path / "out", source)
    assert len(list((top / "train").rglob("*.png"))) == count and len(list((top / "test").rglob("*.png"))) == 3
    path, label = (top / "train.txt").read_text().splitlines()[2].split("\t")
    assert label == ("9" if name == "cifar10" else "99") and path.split("/")[1] in ("truck", "class_99")
    image = np.asarray(decode(top / path, "x").image)
    wanted = next(value for key, value in batches.items() if "train" in key or "data_batch_1" in key)
    assert np.array_equal(image, wanted[b"data"][2].reshape(3, 32, 32).transpose(1, 2, 0))


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("canary"),)


@pytest.mark.parametrize("payload", [
    pickle.dumps(Evil(), 2), b"cos\nsystem\n(S'touch canary'\ntR.", b"cbuiltins\neval\n(S'1'\ntR.",
    b"cnumpy\nload\n(S'x'\ntR.", b"\x80\x04\x95", b"not a pickle", pickle.dumps([1]),
    b"cnumpy\nndarray.__reduce__\n(tR."])
def test_hostile_pickles_call_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, payload: bytes) -> None:
    monkeypatch.chdir(tmp_path)
    source = cifar(tmp_path / ARCHIVES["cifar10"][0].name,
                   {**cifar10(), "cifar-10-batches-py/data_batch_3": payload})
    with pytest.raises(BadData):
        download_data("cifar10", tmp_path / "out", source)
    assert sorted(path.name for path in tmp_path.iterdir()) == [ARCHIVES["cifar10"][0].name]


def test_damaged_files_are_told_and_nothing_is_left(tmp_path: Path, mnist: Path) -> None:
    path = mnist / "train-images-idx3-ubyte.gz"
    whole = path.read_bytes()
    damaged = gzip.compress(b"\0\0\x08\x03" + bytes(12) + b"x")
    for content in (b"", b"x", whole[:100], damaged, gzip.compress(b"\0" * 3)):
        path.write_bytes(content)
        with pytest.raises(BadData):
            download_data("mnist", tmp_path / "out", mnist)
    assert [entry.name for entry in tmp_path.iterdir()] == ["idx"]


def test_labels_that_do_not_belong_are_told(tmp_path: Path, mnist: Path) -> None:
    (mnist / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.arange(5))))
    with pytest.raises(BadData, match="do not belong together"):
        download_data("mnist", tmp_path / "out", mnist)


def test_what_cannot_be_done_is_said(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(BadState, match="not an empty folder"):
        download_data("digits", tmp_path / "full")
    with pytest.raises(NotFound, match="digits, mnist, cifar10, cifar100"):
        download_data("imagenet", tmp_path / "x")
    with pytest.raises(NotFound, match="holds no train-images"):
        download_data("mnist", tmp_path / "x", tmp_path)
