"""Class folders on this server: every folder is a class, every picture below it belongs to that class."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from digits_core.data.entries import Entries
from digits_core.data.video_options import is_video
from digits_core.errors import BadData
from digits_core.safe.images import SUFFIXES
from digits_core.safe.paths import inside, is_folder, printable

if TYPE_CHECKING:
    from digits_core.data.sources import Scan

DEPTH = 32
_SPLITS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test",
           "testing": "test"}


def is_picture(name: str) -> bool:
    """Whether a file name has the ending of a picture and is not hidden."""
    return name.rpartition(".")[2].lower() in SUFFIXES and not name.startswith(".") and "." in name


def class_name(folder_name: str) -> str:
    """A class name on one line: line breaks and bytes that are no UTF-8 are written as escapes."""
    text = folder_name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if len(f"a{c}b".splitlines()) == 1 else c.encode("unicode_escape").decode() for c in text)


def subfolders(folder: Path) -> list[str]:
    """Names of the folders in a folder that are neither hidden nor a Mac's shadow files, sorted."""
    with os.scandir(folder) as found:
        return sorted(e.name for e in found if e.name[0] != "." and e.name != "__MACOSX" and is_folder(e))


def only_child(folder: Path) -> Path:
    """The folder itself, or the innermost one when archives wrapped it in folders of its own."""
    for _ in range(DEPTH):
        inner = subfolders(folder)
        if len(inner) != 1 or any(is_picture(path.name) for path in folder.iterdir()):
            break
        if not subfolders(folder / inner[0]):
            break
        folder = folder / inner[0]
    return folder


def ready_splits(folder: Path) -> list[tuple[str, Path]]:
    """The folder as "train", or its own folders "train", "val", "test" when it holds nothing else and they classes."""
    inner = subfolders(folder)
    splits = {_SPLITS.get(name.lower(), ""): folder / name for name in inner}
    if "train" not in splits or "" in splits or len(splits) < max(2, len(inner)):
        return [("train", folder)]
    if not all(subfolders(path) for path in splits.values()):
        return [("train", folder)]
    return sorted(splits.items(), key=lambda pair: ("train", "val", "test").index(pair[0]))


def read(folder: Path, split: str, roots: list[Path], scan: "Scan") -> Entries:
    """All pictures below the class folders of ``folder``.

    For "train" the class names are put into ``scan.labels``; for another split they must be there already, pictures of
    unknown classes are skipped. Raises BadData when there are fewer than two class folders to train on.
    """
    try:
        names = subfolders(folder)
        for path in sorted(folder.iterdir()):
            if is_picture(path.name) and path.name not in names:
                scan.skip(str(path), split, "", "lies beside the class folders", False)
    except OSError as error:
        raise BadData(f"The folder {printable(str(folder))!r} cannot be read: {error.strerror}.") from None
    if split == "train":
        if len(names) < 2:
            raise BadData(f"The folder {printable(str(folder))!r} must hold at least two class folders; it holds "
                          f"{len(names)}. Choose the folder above your class folders.")
        scan.labels.extend(class_name(name) for name in names)
    known = {label: number for number, label in enumerate(scan.labels)}
    entries = scan.entries(split, str(folder))
    for name in names:
        label = class_name(name)
        for picture in pictures(folder / name, split, label, roots, scan, videos=True):
            if label in known:
                entries.add(picture, known[label])
            else:
                scan.skip(entries.name(picture), split, label, "class is not among the training classes", False)
    return entries


def pictures(top: Path, split: str, label: str, roots: list[Path], scan: "Scan", videos: bool = False,
             wanted: Callable[[str], bool] = is_picture) -> Iterator[str]:
    """Paths of all files below ``top`` whose names are ``wanted``; what cannot be one is skipped with its reason.

    With ``videos``, and if the scan takes any, those of videos' frames too.
    """
    seen: set[tuple[int, int]] = set()
    waiting = [(str(top), 0)]
    while waiting:
        folder, depth = waiting.pop()
        scan.tick()
        try:
            facts = Path(folder).stat()
            if (facts.st_dev, facts.st_ino) in seen or depth > DEPTH:
                scan.skip(folder, split, label, "is a folder that leads in a circle or too deep", False)
                continue
            if not inside(os.path.realpath(folder), roots):
                scan.skip(folder, split, label, "is outside the folders that this server may read", True)
                continue
            seen.add((facts.st_dev, facts.st_ino))
            with os.scandir(folder) as found:
                inner = sorted((e for e in found if e.name[0] != "."), key=lambda e: e.name)
        except OSError as error:
            scan.skip(folder, split, label, f"is a folder that cannot be read: {error.strerror}", True)
            continue
        waiting += [(e.path, depth + 1) for e in reversed(inner) if is_folder(e)]
        clips = [entry for entry in inner if is_video(entry.name) and not is_folder(entry)] if (
            videos and scan.take) else []
        files = [entry for entry in inner if entry not in clips] if clips else inner
        yield from _files(files, split, label, scan, wanted)
        yield from _frames([clip.path for clip in clips], split, label, roots, scan)


def _frames(clips: list[str], split: str, label: str, roots: list[Path], scan: "Scan") -> Iterator[str]:
    for clip, frames in zip(clips, scan.frames(clips, roots), strict=True) if clips else ():
        if isinstance(frames, BadData):
            scan.skip(clip, split, label, f"(a video) {frames}", True)
        else:
            yield from frames


def _files(inner: "list[os.DirEntry[str]]", split: str, label: str, scan: "Scan",
           wanted: Callable[[str], bool]) -> Iterator[str]:
    other = 0
    for number, entry in enumerate(inner):
        if number % 1000 == 999:
            scan.tick()
        if not wanted(entry.name):
            other += not is_folder(entry)
        elif (entry.is_symlink() and not is_folder(entry)) or entry.is_file():
            yield entry.path  # links are judged when they are opened: only that cannot be tricked
        elif not is_folder(entry):
            scan.skip(entry.path, split, label, "is not a regular file", True)
    if other:
        scan.note("other-files", other)
