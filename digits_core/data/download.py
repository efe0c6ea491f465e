"""Ready-made data sets written as PNG class folders: the bundled digits, MNIST, CIFAR-10 and CIFAR-100."""

import gzip
import io
import pickle  # noqa: TID251 - CIFAR comes as pickles; read by _OnlyArrays alone, which can call nothing
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from digits_core.data.pictures import Pixels, to_png
from digits_core.errors import BadData, BadState, NotFound
from digits_core.safe.download import safe_download

Report = Callable[[float, str], None]
"""Called with the finished share 0..1 and what is being done."""
Pictures = Iterable[tuple[Pixels, int]]


@dataclass(frozen=True)
class Part:
    """One split of a data set: pixels (C, H, W) with labels, in the order of its authors."""

    split: str
    pictures: Pictures
    count: int


class Archive(NamedTuple):
    """A file on the internet with the checksum that its authors publish (or that is known for it)."""

    name: str
    url: str
    sha256: str


_MNIST = "https://ossci-datasets.s3.amazonaws.com/mnist/"
_CIFAR = "https://www.cs.toronto.edu/~kriz/"
ARCHIVES: dict[str, tuple[Archive, ...]] = {
    "mnist": tuple(Archive(name, _MNIST + name, digest) for name, digest in (
        ("train-images-idx3-ubyte.gz", "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
        ("train-labels-idx1-ubyte.gz", "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
        ("t10k-images-idx3-ubyte.gz", "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
        ("t10k-labels-idx1-ubyte.gz", "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"))),
    "cifar10": (Archive("cifar-10-python.tar.gz", _CIFAR + "cifar-10-python.tar.gz",
                        "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"),),
    "cifar100": (Archive("cifar-100-python.tar.gz", _CIFAR + "cifar-100-python.tar.gz",
                         "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7"),),
}
NAMES = ("digits", *ARCHIVES)


def download_data(name: str, folder: Path, source: Path | None = None,
                  report: Report = lambda done, words: None) -> Path:
    """Write a data set to ``folder`` as PNG class folders with labels.txt and lists; returns the folder.

    digits: CLASS/N.png, labels.txt, train.txt. The others: train/CLASS/N.png, test/CLASS/N.png, labels.txt, train.txt,
    test.txt. The folder must be new or empty, and appears only when it is whole. ``source`` is a folder that holds the
    original archives; without it they are downloaded and their checksums compared.
    """
    if name not in NAMES:
        raise NotFound(f"There is no data set {name!r}; choose one of {', '.join(NAMES)}.")
    folder = Path(folder).absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadState(f"{folder} exists and is not an empty folder. Choose a new one, or remove it first.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as temp:
        labels, parts = _read(name, source, Path(temp), report)
        _write(Path(temp) / "data", labels, parts, report)
        if folder.exists():
            folder.rmdir()
        (Path(temp) / "data").rename(folder)
    report(1.0, f"{name} is in {folder}")
    return folder


def _read(name: str, source: Path | None, temp: Path, report: Report) -> tuple[list[str], list[Part]]:
    if name == "digits":
        return _digits()
    archives = [_archive(entry, source, temp, report) for entry in ARCHIVES[name]]
    if name == "mnist":
        return [str(digit) for digit in range(10)], [_mnist("train", *archives[:2]), _mnist("test", *archives[2:])]
    return _cifar(archives[0], name)


def _archive(entry: Archive, source: Path | None, temp: Path, report: Report) -> Path:
    if source is not None:
        for path in (Path(source) / entry.name, Path(source) / entry.name.removesuffix(".gz")):
            if path.is_file():
                return path
        raise NotFound(f"{source} holds no {entry.name}.")
    report(0.0, f"Downloading {entry.url}")
    digest = safe_download(entry.url, temp / entry.name)
    if digest != entry.sha256:
        raise BadData(f"{entry.url} is not the file it should be: its SHA-256 is {digest}, expected {entry.sha256}. "
                      "Get it from another place and use --from.")
    return temp / entry.name


def _write(folder: Path, labels: Sequence[str], parts: list[Part], report: Report) -> None:
    total, done = sum(part.count for part in parts), 0
    folder.mkdir()
    for part in parts:
        top = folder / part.split if len(parts) > 1 else folder
        for label in labels:
            (top / label).mkdir(parents=True)
        with (folder / f"{part.split}.txt").open("w", encoding="utf-8") as listing:
            for number, (pixels, place) in enumerate(part.pictures):
                path = top / labels[place] / f"{number:05d}.png"
                path.write_bytes(to_png(pixels))
                listing.write(f"{path.relative_to(folder)}\t{place}\n")
                done += 1
                if done % 500 == 0:
                    report(done / total, f"Writing {part.split} pictures")
    (folder / "labels.txt").write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")


def _digits() -> tuple[list[str], list[Part]]:
    from sklearn.datasets import load_digits  # 1 s and 100 MB that nothing else here needs

    data = load_digits()
    # 0..16 in the original; 255 / 16 keeps black black and white white
    pictures = np.rint(data.images * (255 / 16)).astype(np.uint8)[:, None]
    return [str(digit) for digit in range(10)], [Part("train", _pairs(pictures, data.target), len(pictures))]


def _pairs(pictures: Any, labels: Any) -> Iterator[tuple[Pixels, int]]:
    return ((picture, int(label)) for picture, label in zip(pictures, labels, strict=True))


def _mnist(split: str, images: Path, labels: Path) -> Part:
    pictures, numbers = read_idx(images), read_idx(labels)
    if pictures.ndim != 3 or numbers.shape != pictures.shape[:1] or numbers.max(initial=0) > 9:
        raise BadData(f"{images.name} and {labels.name} do not belong together.")
    return Part(split, _pairs(pictures[:, None], numbers), len(pictures))


def read_idx(path: Path, limit: int = 1_000_000_000) -> Any:
    """The uint8 array in an IDX file, plain or gzip. Raises BadData when it is damaged or of another type."""
    try:
        with (gzip.open(path) if path.suffix == ".gz" else path.open("rb")) as file:
            data = file.read(limit)
    except (OSError, EOFError, zlib.error) as error:
        raise BadData(f"{path.name} is damaged: {error}") from None
    axes = data[3] if len(data) > 3 and data[:3] == b"\0\0\x08" else 0
    shape = [int.from_bytes(data[4 + 4 * axis:8 + 4 * axis], "big") for axis in range(axes)]
    if not axes or len(data) - 4 - 4 * axes != int(np.prod(shape, dtype=np.float64)):
        raise BadData(f"{path.name} is no IDX file of bytes, or cut off.")
    return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(shape)


_CIFAR_FILES = {
    "cifar10": ("cifar-10-batches-py/", [f"data_batch_{n}" for n in range(1, 6)], "test_batch", "batches.meta",
                "label_names", "labels"),
    "cifar100": ("cifar-100-python/", ["train"], "test", "meta", "fine_label_names", "fine_labels"),
}


def _cifar(path: Path, name: str) -> tuple[list[str], list[Part]]:
    top, training, test, meta, names_key, labels_key = _CIFAR_FILES[name]
    found = _batches(path, {top + file for file in (*training, test, meta)})
    labels = [_plain(text) for text in found[top + meta][names_key]]
    parts = []
    for split, batches in (("train", training), ("test", [test])):
        pictures = np.concatenate([_cifar_pixels(found[top + file], path) for file in batches])
        numbers = [number for file in batches for number in found[top + file][labels_key]]
        if len(numbers) != len(pictures) or not all(0 <= number < len(labels) for number in numbers):
            raise BadData(f"{path.name} is damaged: its labels do not fit its pictures.")
        parts.append(Part(split, _pairs(pictures, numbers), len(pictures)))
    return labels, parts


def _plain(text: Any) -> str:
    word = text.decode() if isinstance(text, bytes) else str(text)
    if not word.replace("_", "").isalnum():
        raise BadData(f"The class name {word[:50]!r} is none of this data set's.")
    return word


def _cifar_pixels(batch: dict[str, Any], path: Path) -> Any:
    data = batch.get("data")
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.ndim != 2 or data.shape[1] != 3072:
        raise BadData(f"{path.name} is damaged: a batch holds no pictures of 3 x 32 x 32.")
    return data.reshape(-1, 3, 32, 32)


def _batches(path: Path, wanted: set[str], limit: int = 400_000_000) -> dict[str, dict[str, Any]]:
    found = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                file = archive.extractfile(member) if member.name in wanted and member.size < limit else None
                if file is not None:
                    found[member.name] = _restricted(file.read(), path)
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise BadData(f"{path.name} is damaged: {error}") from None
    if missing := sorted(wanted - set(found)):
        raise BadData(f"{path.name} lacks {', '.join(missing)}. The 'python version' of the archive is needed.")
    return found


class _OnlyArrays(pickle.Unpickler):
    """Unpickles lists, texts, numbers and NumPy arrays of bytes: every other name that a file asks for is refused."""

    ALLOWED = frozenset({("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct"),
               ("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode")})

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.ALLOWED:
            raise BadData(f"it asks for {module}.{name}, which has no place in a data file")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def _restricted(data: bytes, path: Path) -> dict[str, Any]:
    try:
        value = _OnlyArrays(io.BytesIO(data), encoding="bytes").load()
        return {_text(key): entry for key, entry in value.items()}
    except Exception as error:  # a pickle can fail in any way
        raise BadData(f"{path.name} cannot be read: {error}.") from None


def _text(key: Any) -> str:
    return key.decode() if isinstance(key, bytes) else str(key)
