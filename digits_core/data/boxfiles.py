"""Label files of boxes, whatever their format: recognised by what they hold, and found for each picture."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple, Protocol

from digits_core.data import coco, kitti, voc, yolo
from digits_core.data.boxes import Labelled, lines
from digits_core.errors import BadData
from digits_core.safe.paths import printable, read_regular

Format = Literal["kitti", "voc", "coco", "yolo"]
TITLES: dict[Format, str] = {"kitti": "KITTI text", "voc": "Pascal VOC XML", "coco": "COCO JSON", "yolo": "YOLO text"}
ENDINGS = {".txt": ("kitti", "yolo"), ".xml": ("voc",), ".json": ("coco",)}
TRIED = 25
"""So many files of each ending are looked into to recognise a format."""
LARGEST, LARGEST_COCO = 20_000_000, 2_000_000_000
"""Bytes of one file."""


class BoxFiles(Protocol):
    """The labels of a folder of pictures."""

    names: list[str]
    """Names of the classes that the files declare, in order; empty where only the boxes tell."""

    def has(self, picture: str) -> bool:
        """Whether a picture (path below its folder) is labelled, perhaps with nothing to find."""
        ...

    def of(self, picture: str, size: tuple[int, int]) -> Labelled | None:
        """Boxes of a picture of this width and height; None where it ``has`` none."""
        ...

    def without_picture(self) -> int:
        """How many labelled pictures were never asked for."""
        ...


class _Walked(NamedTuple):
    path: str
    relative: str


def walk(folder: Path, endings: Sequence[str]) -> Iterator[_Walked]:
    """Every file below ``folder`` with one of these endings that is not hidden, by name."""
    for top, inner, files in os.walk(folder):
        inner[:] = sorted(name for name in inner if name[0] != "." and name != "__MACOSX")
        for name in sorted(files):
            if name[0] != "." and name.lower().endswith(tuple(endings)):
                path = os.path.join(top, name)  # noqa: PTH118 - once a file, and there may be millions
                yield _Walked(path, path[len(str(folder)) + 1:])


def recognise(place: Path, roots: Sequence[str] = ()) -> Format:
    """The format of a label file or of all label files below a folder.

    ``roots``: real paths that may be read; none: any. Raises BadData that names file and line when nothing fits, or
    when there are two formats.
    """
    if not place.is_dir():
        return _format_of(_Walked(str(place), place.name), roots)
    found: dict[Format, str] = {}
    problems: list[str] = []
    tried: Counter[str] = Counter()
    for file in walk(place, list(ENDINGS)):
        ending = Path(file.path).suffix.lower()
        if is_list_of_names(file.relative) or tried[ending] >= TRIED:
            continue
        tried[ending] += 1
        try:
            found.setdefault(_format_of(file, roots), file.relative)
        except BadData as error:
            problems.append(str(error))
    if len(found) > 1:
        pairs = " and ".join(f"{TITLES[one]} ({printable(file)})" for one, file in found.items())
        raise BadData(f"The label folder holds {pairs}. Choose the format, or a folder with only one.")
    if found:
        return next(iter(found))
    if problems:
        raise BadData("The labels fit no known format (KITTI, Pascal VOC, COCO, YOLO). " + " ".join(problems[:3]))
    raise BadData(f"The folder {printable(str(place))!r} holds no label file: no .txt, .xml or .json with something in "
                  "it.")


def is_list_of_names(relative: str) -> bool:
    """Whether a file lists names or tells about the data set and labels no picture."""
    name = PurePosixPath(relative).name.lower()
    return name in yolo.NAME_FILES or name.startswith("readme") or name in ("train.txt", "val.txt", "test.txt")


def _format_of(file: _Walked, roots: Sequence[str]) -> Format:
    """The format of one file. Raises BadData where it fits none."""
    ending = Path(file.path).suffix.lower()
    name = printable(file.relative)
    if ending in (".yaml", ".yml"):
        yolo.read_names(read(file, roots), file.relative)
        return "yolo"
    if ending == ".json":
        _looks_like_coco(file, roots)
        return "coco"
    data = read(file, roots)
    if ending == ".xml":
        voc.parse(data, file.relative)
        return "voc"
    first = next(lines(data, file.relative), None)
    if first is None:
        raise BadData(f"{name} is empty, so its format cannot be told.")
    words = first[1].split()
    if (words[0].isdigit() and len(words) in (5, 6, *range(7, 15, 2))) or len(words) > 16:
        yolo.parse(data, file.relative, [], (1, 1))
        return "yolo"
    if len(words) in (15, 16) and not words[0].isdigit():
        kitti.parse(data, file.relative)
        return "kitti"
    raise BadData(f"{first[0]}: {len(words)} columns, beginning with {printable(words[0])!r}. KITTI has a name and 14 "
                  "or 15 numbers, YOLO the number of a class and 4 shares of the picture.")


def _looks_like_coco(file: _Walked, roots: Sequence[str]) -> None:
    """Read only a large file's beginning: reading all of it takes long and happens once more."""
    data = read(file, roots, LARGEST_COCO)
    if len(data) < 1_000_000 or not any(f'"{key}"'.encode() in data[:65_536] for key in coco.KEYS):
        coco.parse(data, file.relative)


def read(file: _Walked, roots: Sequence[str], limit: int = LARGEST) -> bytes:
    """The bytes of a label file. Raises BadData with its name."""
    try:
        return read_regular(file.path, roots, limit)
    except BadData as error:
        raise BadData(f"{printable(file.relative)} {error}.") from None


def open_files(form: Format, place: Path, names_near: Sequence[Path] = (), roots: Sequence[str] = ()) -> BoxFiles:
    """The labels at ``place`` (a folder, or COCO's file); for YOLO, ``names_near`` are where lists of names may lie.

    Raises BadData when there are none.
    """
    if form == "coco":
        return CocoFile(place, roots)
    if form == "yolo":
        names = find_names(names_near, roots)
        return FilePerPicture("yolo", place, names, roots)
    return FilePerPicture(form, place, [], roots)


def find_names(near: Sequence[Path], roots: Sequence[str] = ()) -> list[str]:
    """The first list of class names in these folders (or files); empty: there is none."""
    for place in near:
        for path in [place] if place.is_file() else [place / name for name in (*yolo.YAML_FILES, *yolo.NAME_FILES)]:
            if path.is_file():
                return yolo.read_names(read(_Walked(str(path), path.name), roots), path.name)
    return []


class FilePerPicture:
    """KITTI, Pascal VOC and YOLO: ``a/b.txt`` or ``a/b.xml`` labels ``a/b.jpg``, else the only ``b`` there is does."""

    def __init__(self, form: Format, folder: Path, names: list[str], roots: Sequence[str] = ()) -> None:
        if not folder.is_dir():
            raise BadData(f"{printable(str(folder))!r} is no folder; {TITLES[form]} labels are one file a picture.")
        self.form, self.names, self.roots, self.folder = form, names, roots, folder
        ending = ".xml" if form == "voc" else ".txt"
        self.files = {os.path.splitext(file.relative)[0]: file.relative for file in walk(folder, [ending])  # noqa: PTH122
                      if not is_list_of_names(file.relative)}
        self.only: dict[str, str | None] = {}
        for stem, path in self.files.items():
            base = stem.rpartition("/")[2]
            self.only[base] = None if base in self.only else path
        if not self.files:
            raise BadData(f"The label folder {printable(str(folder))!r} holds no {ending} file.")
        self.used: set[str] = set()

    def has(self, picture: str) -> bool:
        """See BoxFiles."""
        stem = os.path.splitext(picture)[0]  # noqa: PTH122
        return stem in self.files or stem.rpartition("/")[2] in self.only

    def of(self, picture: str, size: tuple[int, int]) -> Labelled | None:
        """See BoxFiles. Raises BadData with file and line or element when the labels are wrong."""
        stem = os.path.splitext(picture)[0]  # noqa: PTH122
        relative = self.files.get(stem)
        if relative is None:
            base = stem.rpartition("/")[2]
            relative = self.only.get(base)
            if relative is None and base in self.only:
                raise BadData(f"has more than one label file of the name {printable(base)!r} in other folders")
            if relative in self.used:
                raise BadData(f"would share its label file {printable(str(relative))} with a picture in another folder")
        if relative is None:
            return None
        self.used.add(relative)
        data = read(_Walked(f"{self.folder}/{relative}", relative), self.roots)
        if self.form == "voc":
            return voc.parse(data, relative)
        if self.form == "kitti":
            return Labelled(kitti.parse(data, relative))
        return Labelled(yolo.parse(data, relative, self.names, size))

    def without_picture(self) -> int:
        """See BoxFiles."""
        return len(self.files) - len(self.used)


class CocoFile:
    """One JSON file; pictures are found by their ``file_name``, else by its last part where that is unique."""

    def __init__(self, place: Path, roots: Sequence[str] = ()) -> None:
        file = _the_json(place)
        found = coco.parse(read(file, roots, LARGEST_COCO), file.relative)
        self.names, self.pictures = found.names, found.pictures
        counts = Counter(path.rpartition("/")[2] for path in self.pictures)
        self.only = {path.rpartition("/")[2]: path for path in self.pictures if counts[path.rpartition("/")[2]] == 1}
        self.used: set[str] = set()

    def has(self, picture: str) -> bool:
        """See BoxFiles."""
        return picture in self.pictures or picture.rpartition("/")[2] in self.only

    def of(self, picture: str, size: tuple[int, int]) -> Labelled | None:
        """See BoxFiles."""
        path = picture if picture in self.pictures else self.only.get(picture.rpartition("/")[2], "")
        self.used.add(path)
        return self.pictures.get(path)

    def without_picture(self) -> int:
        """See BoxFiles."""
        return len(self.pictures) - len(self.used - {""})


def _the_json(place: Path) -> _Walked:
    if not place.is_dir():
        return _Walked(str(place), place.name)
    found = list(walk(place, [".json"]))
    if len(found) != 1:
        names = ", ".join(printable(file.relative) for file in found[:5]) or "none"
        raise BadData(f"The folder {printable(str(place))!r} must hold one JSON file; it holds {len(found)}: {names}. "
                      "Name the one that labels these pictures.")
    return found[0]
