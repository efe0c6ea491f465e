"""Services that write a dataset as files for other programs: HDF5, as DIGITS' own databases could be."""

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from digits_core import files
from digits_core.data.hdf5_options import Hdf5Options
from digits_core.errors import BadData, BadState, InvalidOptions, Problem
from digits_core.jobs import child
from digits_core.jobs.model import Kind
from digits_core.modelstore.archive import require_room
from digits_core.options import check
from digits_core.services.access import authorize
from digits_core.services.datasets import manifest
from digits_core.services.frames import Pieces
from digits_core.services.jobs import of_kind
from digits_core.services.modelstore import place
from digits_core.services.workspace import Workspace

Json = dict[str, Any]
LIMIT_S = 3600.0
MB = 1_000_000
LABELS, LIST = "labels.txt", "list.txt"


@dataclass(frozen=True)
class Part:
    """One file: some records of a split. Its name is the first one's number, as in DIGITS."""

    split: str
    start: int
    count: int
    bytes: int

    @property
    def name(self) -> str:
        """Its path in the export."""
        return f"{self.split}/{self.start}.h5"


class Hdf5Export:
    """A dataset as HDF5 files: ``labels.txt``, and for each split ``0.h5`` and so on with ``list.txt``.

    Raises InvalidOptions for options, BadState for a dataset without a class for each picture.
    """

    def __init__(self, workspace: Workspace, user: str, dataset_id: str, options: Json) -> None:
        view = of_kind(workspace, dataset_id, Kind.DATASET)
        authorize(user, "view", view)
        self.options, self.facts, self.view = check(Hdf5Options, options), manifest(view), view
        if self.facts.get("target"):
            raise BadState(f"'{view.name}' has more to learn than a class for each picture; HDF5 files hold pictures "
                           "and classes. Move takes it along as it is.")
        self.workspace, self.folder = workspace, view.folder.path
        self.parts = list(self._parts())
        self.pictures = sum(part.count for part in self.parts)

    def _parts(self) -> Iterator[Part]:
        channels, height, width = map(int, self.facts["shape"])
        bytes_each = 1 if self.options.layout == "plain" and not self.facts.get("span") else 4
        row = channels * height * width * bytes_each
        most = max(1, self.options.file_mb * MB // row)
        for split, told in self.facts["splits"].items():
            for start in range(0, int(told["entries"]), most):
                count = min(most, int(told["entries"]) - start)
                yield Part(split, start, count, row * count)

    def small(self) -> Iterator[tuple[str, bytes]]:
        """Names and contents of the lists: class names, and the files of each split in order."""
        yield LABELS, "".join(f"{label}\n" for label in self.facts["labels"]).encode()
        for split in dict.fromkeys(part.split for part in self.parts):
            names = [part.name.rpartition("/")[2] for part in self.parts if part.split == split]
            yield f"{split}/{LIST}", "".join(f"{name}\n" for name in names).encode()

    def write(self, part: Part, target: Path) -> None:
        """Write one file, in a process of its own. Raises BadData, DiskFull."""
        require_room(target.parent, part.bytes)
        question = {"database": str(self.folder / f"{part.split}.lmdb"), "start": part.start, "count": part.count,
                    "target": str(target), "span": self.facts.get("span"), **self.options.model_dump(
                        include={"layout", "compression"})}
        try:
            answer = child.ask("digits_core.data.hdf5_write", question, LIMIT_S, [])
        except child.NoAnswer as error:
            raise BadData(f"{part.name} could not be written: {error}.") from None
        if "error" in answer:
            raise BadData(str(answer["error"]))

    def into(self, folder: Path) -> Iterator[int]:
        """Write everything into a folder; yields how many pictures are there. Raises InvalidOptions where one is."""
        for split in {part.split for part in self.parts}:
            if (folder / split).exists():
                raise InvalidOptions([Problem("to", f"{folder / split} is there already; choose an empty folder.")])
        done = 0
        for part in self.parts:
            (folder / part.split).mkdir(parents=True, exist_ok=True)
            self.write(part, folder / part.name)
            done += part.count
            yield done
        for name, content in self.small():
            files.write_atomic(folder / name, content.decode())

    def zipped(self) -> Iterator[bytes]:
        """A zip of everything, in pieces; of it only one file at a time is on the disk.

        The first file is written before this returns, so that a damaged dataset is told in words, not in half a zip.
        """
        pieces = self._pieces()
        return chain([next(pieces)], pieces)

    def _pieces(self) -> Iterator[bytes]:
        top = Path(tempfile.mkdtemp(dir=place(self.workspace, f"{self.view.id}-hdf5")))
        try:
            yield from self._zipped(top)
        finally:
            shutil.rmtree(top, ignore_errors=True)

    def _zipped(self, top: Path) -> Iterator[bytes]:
        pipe = Pieces()
        with zipfile.ZipFile(pipe, "w") as target:  # type: ignore[call-overload]  # needs write and flush only
            for name, content in self.small():
                target.writestr(name, content)
            for part in self.parts:
                path = top / "part.h5"
                top.parent.touch()  # in use: folders that are older than an hour are removed
                self.write(part, path)
                info = zipfile.ZipInfo.from_file(path, part.name)
                with path.open("rb") as source, target.open(info, "w", force_zip64=True) as entry:
                    while data := source.read(1 << 20):
                        entry.write(data)
                        yield pipe.taken()
                path.unlink()
        yield pipe.taken()
