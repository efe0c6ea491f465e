"""Pictures with boxes: the source of a detection dataset, and how its records are made."""

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from digits_core.data import boxlayouts
from digits_core.data.boxes import Labelled
from digits_core.data.boxfiles import TITLES, BoxFiles, Format, open_files, recognise
from digits_core.data.boxlayouts import Place
from digits_core.data.boxselect import Chooser, Row, Spans, read_classes
from digits_core.data.decoder import Example, opened
from digits_core.data.entries import Entries
from digits_core.data.folders import only_child, pictures
from digits_core.data.lists import lines
from digits_core.data.pictures import PAD, padding, placement, prepare
from digits_core.data.sources import JOB_PREFIX, Scan, Source
from digits_core.data.split import split
from digits_core.errors import BadData
from digits_core.jobs import child
from digits_core.safe import safe_join, safe_path
from digits_core.safe.archives import safe_extract
from digits_core.safe.paths import printable
from digits_core.tasks.detection import SPLITS, DatasetOptions

Json = dict[str, Any]
KITTI_PAD = (1248, 384)
KITTI_SMALLEST = 25
"""What DIGITS pads KITTI's pictures to, and the height in pixels from which KITTI's own benchmark counts."""
TOGETHER, LIMIT_S = 2000, 300.0
"""Pictures that are looked at by one process, and how long that may take."""
LEAST_SIDE = 1.0
"""Pixels of a record below which a box is ignored."""


def detection(options: DatasetOptions, roots: Sequence[Path], scan: Scan) -> Source:
    """Look for what ``options`` name. Raises BadData when pictures and labels do not fit, or a class has no box."""
    places, roots = _places(options, roots, scan)
    return Search(options, places, roots, scan).run()


def _places(options: DatasetOptions, roots: Sequence[Path], scan: Scan) -> tuple[dict[str, Place], list[Path]]:
    """The splits, and the folders that may be read for them."""
    if options.method == "archive":
        text = options.archive
        archive = (safe_join(scan.job_folder, text.removeprefix(JOB_PREFIX)) if text.startswith(JOB_PREFIX)
                   else safe_path(text, roots))
        target = scan.folder / "pictures"
        safe_extract(archive, target, tick=scan.tick)
        return boxlayouts.find(only_child(target), [target]), [target]
    found = {}
    for prefix, name in SPLITS.items():
        texts = [getattr(options, f"{prefix}{what}").strip() for what in ("folder", "label_folder")]
        if all(texts):
            images, labels = (safe_path(text, roots) for text in texts)
            found[name] = Place(images, labels, None, (labels, labels.parent, images, images.parent))
    return {**({} if "train" in found else boxlayouts.find(safe_path(options.folder, roots), roots)), **found}, \
        list(roots)


class Picture(NamedTuple):
    """A picture that will be read."""

    path: str
    name: str
    """Its path below the folder of its split."""
    size: tuple[int, int]
    """Width and height."""


class Search:
    """Finds the pictures of every split and the boxes in them, and counts what is kept."""

    def __init__(self, options: DatasetOptions, places: dict[str, Place], roots: list[Path], scan: Scan) -> None:
        self.options, self.places, self.roots, self.scan = options, places, roots, scan
        self.real_roots = [str(root.resolve()) for root in roots]
        self.form: Format = (recognise(places["train"].labels, self.real_roots)
                             if options.label_format == "auto" else options.label_format)
        smallest = options.min_val_box
        self.chooser = Chooser(read_classes(options.classes), (KITTI_SMALLEST if self.form == "kitti" else 0)
                               if smallest is None else smallest)
        self.declared: list[str] = []
        self.sizes: list[tuple[int, int]] = []
        self.spans = Spans()
        self.why = ""
        """Why the first picture that is skipped is."""

    def run(self) -> Source:
        """The whole search."""
        splits: dict[str, Entries] = {}
        for name, place in self.places.items():
            files = open_files(self.form, place.labels, place.names_near, self.real_roots)
            self.declared += [label for label in files.names if label not in self.declared]
            found = list(self._pictures(name, place, files))
            parts = self._divided(found) if name == "train" else {name: found}
            for part, members in parts.items():
                splits[part] = self._chosen(part, members, place, files)
            if place.listed is None and (left := files.without_picture()):
                self.scan.note("labels-alone", left)
        if not len(splits["train"]):
            self._nothing()
        labels = self.chooser.labels(self.declared)
        self.chooser.require(labels)
        size, mode = self._size()
        spans = self.spans.report(lambda of: placement(of, *size, mode)[:2])
        more = {"classes": labels, "format": self.form, "boxes": self.chooser.report(), "spans": spans}
        return Source(labels, splits, self.roots, classified=False, size=size, resize_mode=mode, more=more)

    def _nothing(self) -> None:
        place = self.places["train"]
        hint = "A picture and its label file must have the same name but for the ending."
        raise BadData(f"No picture in {printable(str(place.images))!r} can be used with its labels "
                      f"({TITLES[self.form]} in {printable(str(place.labels))!r}). {self.why or hint}")

    def _pictures(self, split_name: str, place: Place, files: BoxFiles) -> Iterator[Picture]:
        """The pictures of a split that have labels, or need none."""
        wanted = {text.split()[0] for _, text in lines(place.listed)} if place.listed else None
        paths = (path for path in pictures(place.images, split_name, "", self.roots, self.scan)
                 if wanted is None or Path(path).stem in wanted or Path(path).name in wanted)
        for path, size in self._sizes(path for path in paths if self._labelled(path, split_name, place, files)):
            name = path[len(str(place.images)) + 1:]
            if isinstance(size, str):
                self._skip(name, split_name, size)
            else:
                yield Picture(path, name, size)

    def _skip(self, name: str, split_name: str, reason: str) -> None:
        """Leave out a picture that cannot be used."""
        self.why = self.why or f"{printable(name)}: {reason}."
        self.scan.skip(name, split_name, "", reason, True)

    def _labelled(self, path: str, split_name: str, place: Place, files: BoxFiles) -> bool:
        name, rule = path[len(str(place.images)) + 1:], self.options.unlabelled
        if rule == "auto":
            rule = "background" if self.form == "yolo" else "skip"
        if rule == "background" or files.has(name):
            return True
        self.scan.skip(name, split_name, "", "has no labels", rule == "refuse")
        return False

    def _sizes(self, paths: Iterator[str]) -> Iterator[tuple[str, tuple[int, int] | str]]:
        """Every path with width and height, or why there are none."""
        while group := list(islice(paths, TOGETHER)):
            self.scan.tick()
            try:
                answer = child.ask("digits_core.data.size_child", {"paths": group, "roots": self.real_roots}, LIMIT_S,
                                   [])
            except child.NoAnswer as error:
                raise BadData(f"The pictures could not be looked at: {error}.") from None
            for path, size in zip(group, answer["sizes"], strict=True):
                yield path, size if isinstance(size, str) else (size[0], size[1])

    def _divided(self, found: list[Picture]) -> dict[str, list[Picture]]:
        """Training pictures, and by chance those of each split that has none of its own."""
        wanted = (("val", self.options.val_percent), ("test", self.options.test_percent))
        shares = {name: percent for name, percent in wanted if percent > 0 and name not in self.places}
        parts = split(np.zeros(len(found), np.int64), shares, self.options.seed, False)
        return {name: [found[place] for place in sorted(places.tolist())] for name, places in parts.items()
                if len(places) or name == "train"}

    def _chosen(self, name: str, found: list[Picture], place: Place, files: BoxFiles) -> Entries:
        """The pictures of a split with the boxes that are kept; pictures with wrong labels are skipped."""
        entries = self.scan.entries(name, str(place.images))
        for picture in found:
            self.scan.tick()
            try:
                labelled = files.of(picture.name, picture.size) or Labelled([])
                _require_same_size(picture, labelled)
                self._require_fits(picture)
            except BadData as error:
                self._skip(picture.name, name, str(error).removesuffix("."))
                continue
            rows = self.chooser.choose(labelled, picture.size, name)
            self.sizes.append(picture.size)
            for row in rows if name == "train" else ():
                if row.label is not None and not row.ignored:
                    self.spans.add(row.label, row.x1 - row.x0, row.y1 - row.y0, picture.size)
            entries.add(picture.path, 0, json.dumps(rows))
        return entries

    def _require_fits(self, picture: Picture) -> None:
        pad = self.options.pad_width, self.options.pad_height
        if self.options.resize_mode == PAD and pad[0] and pad[1] and (
                picture.size[0] > pad[0] or picture.size[1] > pad[1]):
            raise BadData(f"is {picture.size[0]} x {picture.size[1]}, larger than the padding of {pad[0]} x {pad[1]}")

    def _size(self) -> tuple[tuple[int, int], str]:
        """Width and height of records, and the resize mode that makes them."""
        options = self.options
        largest = (max(size[0] for size in self.sizes), max(size[1] for size in self.sizes))
        final = (options.width, options.height) if options.width and options.height else None
        if options.resize_mode != PAD:
            return final or largest, options.resize_mode
        pad = (options.pad_width, options.pad_height) if options.pad_width and options.pad_height else None
        if pad is None:
            fits = self.form == "kitti" and largest[0] <= KITTI_PAD[0] and largest[1] <= KITTI_PAD[1]
            pad = KITTI_PAD if fits and largest[0] > KITTI_PAD[0] / 2 else largest
        return final or pad, PAD if final in (None, pad) else f"{PAD} {pad[0]}x{pad[1]}"


def _require_same_size(picture: Picture, labelled: Labelled) -> None:
    """Boxes drawn into a picture of another size lie at wrong places; most often a camera's turn was not applied."""
    if labelled.size not in (None, picture.size):
        width, height = labelled.size
        turned = (" (turned as the camera noted; the labels are perhaps for the picture before)"
                  if (height, width) == picture.size else "")
        raise BadData(f"is {picture.size[0]} x {picture.size[1]}{turned}, but its labels are for {width} x {height}")


def example(how: Json, location: str, name: str, extra: str) -> Example:
    """A picture with its boxes (M, 6), see digits_core.train.box_moves. Raises DigitsError when it cannot be used."""
    image, notes = opened(how, location, name)
    width, height, mode = how["width"], how["height"], how["resize_mode"]
    if mode.startswith(PAD) and any(side > most for side, most in zip(
            image.size, padding(mode, width, height), strict=True)):
        raise BadData(f"is {image.width} x {image.height}, larger than its padding")
    rows = [Row(*row) for row in json.loads(extra)]
    boxes = placed(rows, how["more"]["classes"], image.size, width, height, mode)
    if boxes[:, 5].sum() > sum(row.ignored for row in rows):
        notes = [*notes, "tiny-box"]
    counts = np.bincount(boxes[boxes[:, 5] == 0, 0].astype(np.int64), minlength=len(how["more"]["classes"]))
    return Example(prepare(image, how["channels"], width, height, mode), image.size, notes, boxes,
                   tuple(counts.tolist()))


def placed(rows: Sequence[Row], classes: Sequence[str], size: tuple[int, int], width: int, height: int,
           mode: str) -> NDArray[np.float32]:
    """Boxes (M, 6) in pixels of a record, from those in pixels of its source of this ``size``."""
    where = placement(size, width, height, mode)
    number = {label: place for place, label in enumerate(classes)}
    found = np.full((len(rows), 6), -1, np.float32)
    for place, row in enumerate(rows):
        edges = [row.x0 * where.scale_x + where.left, row.y0 * where.scale_y + where.top,
                 row.x1 * where.scale_x + where.left, row.y1 * where.scale_y + where.top]
        edges = np.clip(edges, 0, [width, height, width, height]).tolist()
        small = min(edges[2] - edges[0], edges[3] - edges[1]) < LEAST_SIDE
        found[place] = [-1 if row.label is None else number[row.label], *edges, row.ignored or small]
    return found
