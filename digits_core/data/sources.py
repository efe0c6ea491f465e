"""Where the pictures of a classification dataset come from: class folders, text lists, an archive, a database."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from digits_core.data import folders, lists, prebuilt, webindex
from digits_core.data.depth import Depth
from digits_core.data.entries import Entries
from digits_core.data.frames import Unpacker, Written, side_by_side
from digits_core.data.video_options import Take
from digits_core.errors import BadData
from digits_core.safe import is_url, safe_join, safe_path
from digits_core.safe.archives import safe_extract
from digits_core.tasks.classification import DatasetOptions

FRAMES = "frames"
"""The folder of frames of videos, in a scan's own."""
JOB_PREFIX = "job:"
"""A path of an archive or a list that begins so lies in the job's own folder: it was uploaded."""


@dataclass
class Scan:
    """What a source may use, and how it reports while it looks around."""

    folder: Path
    """For its own temporary files; removed by the caller."""
    job_folder: Path
    roots: list[Path]
    """Server folders that may be read; none: any."""
    private_hosts: list[str]
    skip: Callable[[str, str, str, str, bool], None]
    """Called with path, split, class, reason and whether the picture is bad (or left out on purpose)."""
    note: Callable[[str, int], None]
    """Something worth telling that is no picture: kind and how many."""
    tick: Callable[[], None]
    """Called at least once a second; may raise to end the scan."""
    labels: list[str] = field(default_factory=list)
    """Class names of class folders, filled in as soon as they are known."""

    take: Take | None = None
    """Which frames of videos become pictures; None: videos are ignored."""
    known_as: dict[str, str] = field(default_factory=dict)
    """The video that each folder of frames stands for."""
    videos: dict[str, Written] = field(default_factory=dict)
    """What became of each video."""
    known: "Source | None" = None
    """What is found so far, of sources that take long: a quick look shows that."""

    def entries(self, split: str, base: str = "") -> Entries:
        """An empty list of pictures on disk."""
        return Entries(self.folder / f"{split}.entries", base, self.known_as)

    def frames(self, videos: Sequence[str], roots: Sequence[Path]) -> Iterator[list[str] | BadData]:
        """For each video, in order, the paths of pictures that are made of its frames, or why there are none.

        Decoding processes may read them only when ``folder`` is among the source's roots, or there are none.
        """
        if self.take is None:
            return
        placed = [(video, self.folder / FRAMES / str(len(self.known_as) + place)) for place, video in enumerate(videos)]
        self.known_as.update((str(target), video) for video, target in placed)
        real = [os.path.realpath(root) for root in roots]
        yield from side_by_side(Unpacker(self.folder, self.take, real, tick=self.tick, written=self.videos), placed)


@dataclass
class Source:
    """What a scan found: class names, and a list of labelled pictures for "train" and each separate split."""

    labels: list[str]
    splits: dict[str, Entries]
    roots: list[Path]
    """Folders that decoding processes may read for these pictures; none: any."""
    keeps_labels: bool = False
    """The label numbers are the user's own: classes left out keep their number."""
    remote: bool = False
    classified: bool = True
    """Every entry is of one class; otherwise ``labels`` name what its target is made of."""
    cases: bool = False
    """Of entries that are of no class: their numbers tell the case (a patient), and no case is divided."""
    size: tuple[int, int] | None = None
    """Width and height of records where the options leave them open."""
    exact: bool = False
    """That size is meant, whatever the options say."""
    resize_mode: str = ""
    """How pictures become records of that size, where the source knows better than the options."""
    depth: Depth | None = None
    """Of pictures with all channels in full depth, where the source had to look already."""
    more: dict[str, Any] = field(default_factory=dict)
    """What decoding processes, learners and views have to know of the task: colours, columns. JSON."""


def classification(options: DatasetOptions, roots: Sequence[Path], scan: Scan) -> Source:
    """Look for the pictures that ``options`` name. Raises DigitsError when there is nothing to look at."""
    if options.method == "text":
        return _lists(options, roots, scan)
    if options.method == "lmdb":
        return _databases(options, roots, scan)
    if options.method == "archive":
        return _archive(options, roots, scan)
    return _folders(options, roots, scan)


def _folders(options: DatasetOptions, roots: Sequence[Path], scan: Scan) -> Source:
    wanted = {"train": options.folder, "val": options.val_folder, "test": options.test_folder}
    wanted = {split: text for split, text in wanted.items() if text.strip()}
    if is_url(options.folder):
        splits = {split: _one_folder(split, text, roots, scan) for split, text in wanted.items()}
        return Source(scan.labels, splits, list(roots), remote=True)
    paths = {split: text if is_url(text) else safe_path(text, roots) for split, text in wanted.items()}
    if len(paths) == 1:
        paths = dict(folders.ready_splits(Path(paths["train"])))
    splits = {split: _one_folder(split, str(path), roots, scan) for split, path in paths.items()}
    return Source(scan.labels, splits, list(roots), remote=any(map(is_url, wanted.values())))


def _one_folder(split: str, text: str, roots: Sequence[Path], scan: Scan) -> Entries:
    if is_url(text):
        return webindex.read(text.strip(), split, scan)
    return folders.read(Path(text), split, list(roots), scan)


def _archive(options: DatasetOptions, roots: Sequence[Path], scan: Scan) -> Source:
    archive = _given(options.archive, roots, scan)
    target = scan.folder / "pictures"
    safe_extract(archive, target, tick=scan.tick)
    splits = {split: folders.read(path, split, [target], scan)
              for split, path in folders.ready_splits(folders.only_child(target))}
    return Source(scan.labels, splits, [target])


def _given(text: str, roots: Sequence[Path], scan: Scan) -> Path:
    """A file on the server, or one that was uploaded for this job."""
    if text.startswith(JOB_PREFIX):
        return safe_join(scan.job_folder, text.removeprefix(JOB_PREFIX))
    return safe_path(text, roots)


def _lists(options: DatasetOptions, roots: Sequence[Path], scan: Scan) -> Source:
    wanted = {"train": options.train_list, "val": options.val_list, "test": options.test_list}
    paths = {split: _given(text, roots, scan) for split, text in wanted.items() if text.strip()}
    labels = lists.read_labels(_given(options.labels_file, roots, scan)) if options.labels_file.strip() else None
    base = options.image_folder.strip()
    if base and not is_url(base):
        base = str(safe_path(base, roots))
    splits, remote = {}, False
    for split, path in paths.items():
        entries = scan.entries(split, base or str(path.parent))
        remote = lists.read(path, entries, len(labels) if labels is not None else None, scan.tick) or remote
        splits[split] = entries
    labels = labels or _numbers(splits)
    if not labels:
        raise BadData("The text files hold no line with a picture.")
    return Source(labels, splits, list(roots), keeps_labels=True, remote=remote)


def _numbers(splits: dict[str, Entries]) -> list[str]:
    """Class names of numbers without names."""
    highest = max((int(entries.labels.max()) for entries in splits.values() if len(entries)), default=-1)
    return [str(number) for number in range(highest + 1)]


def _databases(options: DatasetOptions, roots: Sequence[Path], scan: Scan) -> Source:
    wanted = {"train": options.train_db, "val": options.val_db, "test": options.test_db}
    splits = {}
    for split, text in wanted.items():
        if text.strip():
            path = safe_path(text, roots)
            splits[split] = scan.entries(split, str(path))
            prebuilt.read(path, roots, splits[split], split, scan.skip, scan.tick)
    labels = lists.read_labels(safe_path(options.labels_file, roots)) if options.labels_file.strip() else None
    known = _numbers(splits)
    if labels is not None and len(known) > len(labels):
        raise BadData(f"The databases hold label {len(known) - 1}, and the labels file ends at {len(labels) - 1}.")
    if not known:
        raise BadData("The databases hold no picture.")
    return Source(labels or known, splits, list(roots), keeps_labels=True)
