"""Volumes of patients as segmentation pictures: slices, whose channels are the case's files, and their masks.

Files of one case differ in the last word of their names: ``BraTS19_AAB_1_flair.nii.gz``, ``BraTS19_AAB_1_seg.nii.gz``.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digits_core.data.depth import Depth
from digits_core.data.entries import Entries, Numbers
from digits_core.data.folders import pictures
from digits_core.data.mask_rules import read_class_labels
from digits_core.data.masks import MOST_CLASSES, Mask, Rule
from digits_core.data.pairs import listed
from digits_core.data.planes import Planes
from digits_core.data.sources import Scan, Source
from digits_core.errors import BadData
from digits_core.jobs import child
from digits_core.safe import read_regular, safe_path
from digits_core.safe.images import MAX_BYTES
from digits_core.safe.paths import printable
from digits_core.safe.volumes import ENDINGS, safe_volume
from digits_core.tasks.segmentation import DatasetOptions

Json = dict[str, Any]
AXES = {"sagittal": 0, "coronal": 1, "axial": 2}
CHUNK = 4
"""Cases that are looked into before the scan may end."""
LIMIT_S = 300.0
_NAME = re.compile(r"(.*?)[_-]?([^_/-]+)\.nii(?:\.gz)?$", re.IGNORECASE | re.DOTALL)


def source(options: DatasetOptions, roots: Sequence[Path], scan: Scan) -> Source:
    """Look for what ``options`` name. Raises BadData when there is no case with a label volume."""
    names = read_class_labels(safe_path(options.labels_file, roots)) if options.labels_file.strip() else []
    look = _Look(options, roots, scan, names)
    for split, folder in (("train", options.images), ("val", options.val_images), ("test", options.test_images)):
        if folder.strip():
            look.into(split, folder)
    if len(look.values) < 2:
        raise BadData("The label volumes hold a single value: there is nothing to tell apart.")
    if names and len(names) != len(look.values):
        raise BadData(f"The class labels file names {len(names)} classes, the label volumes have {len(look.values)} "
                      f"values: {', '.join(f'{value:g}' for value in sorted(look.values))}.")
    return look.source()


@dataclass
class _Look:
    """What is known so far of the volumes."""

    options: DatasetOptions
    roots: Sequence[Path]
    scan: Scan
    names: list[str]
    kinds: list[str] = field(default_factory=list)
    splits: dict[str, Entries] = field(default_factory=dict)
    values: set[float] = field(default_factory=lambda: {0.0})
    size: tuple[int, int] | None = None
    span: tuple[float, float] = (np.inf, -np.inf)

    def into(self, split: str, folder: str) -> None:
        """Add the slices of all cases below a folder."""
        top, case_numbers = safe_path(folder, self.roots), Numbers()
        self.splits[split] = entries = self.scan.entries(split, str(top))
        cases = self._cases(split, top)
        for start in range(0, len(cases), CHUNK):
            chunk = cases[start:start + CHUNK]
            for (name, files), found in zip(chunk, self._asked([files for _, files in chunk]), strict=True):
                if "why" in found:
                    self.scan.skip(name, split, "", found["why"], True)
                else:
                    self._add(entries, case_numbers.of(name), name, files, found)
            self.scan.known = self.source() if self.size else None
            self.scan.tick()

    def _cases(self, split: str, top: Path) -> list[tuple[str, Json]]:
        found: dict[str, dict[str, str]] = {}
        for path in pictures(top, split, "", list(self.roots), self.scan,
                             wanted=lambda name: name.lower().endswith(ENDINGS)):
            if match := _NAME.match(path):
                found.setdefault(match[1], {})[match[2].lower()] = path
        label = self.options.label_volume.strip().lower()
        labelled = {name: files for name, files in found.items() if label in files and len(files) > 1}
        if not labelled:
            there = listed([f"{Path(name).name} ({', '.join(files)})" for name, files in found.items()])
            raise BadData(f"No case has pictures and a label volume below {printable(str(top))}. Files of one case "
                          f"have the same name but for the last word, such as a_t1.nii.gz and "
                          f"a_{printable(label)}.nii.gz. There are: {there}.")
        self.kinds = self.kinds or self._kinds(list(labelled.values()), label)
        return list(self._whole(split, top, found, label))

    def _kinds(self, cases: list[dict[str, str]], label: str) -> list[str]:
        """The volumes that are wanted, or those that most cases have."""
        if chosen := [kind.strip().lower() for kind in self.options.volumes if kind.strip()]:
            return chosen
        counts = Counter(kind for files in cases for kind in files if kind != label)
        return sorted(kind for kind, count in counts.items() if count > len(cases) / 2) or sorted(counts)[:1]

    def _whole(self, split: str, top: Path, found: dict[str, dict[str, str]], label: str) -> Iterator[tuple[str, Json]]:
        for case, files in found.items():
            name, missing = os.path.relpath(case, top), [kind for kind in (*self.kinds, label) if kind not in files]
            if missing:
                self.scan.skip(name, split, "", f"has no volume {', '.join(missing)}", True)
            else:
                yield name, {"label": files[label], "pictures": [files[kind] for kind in self.kinds]}

    def _asked(self, cases: list[Json]) -> list[Json]:
        question = {"cases": cases, "axis": AXES[self.options.axis],
                    "roots": [str(root.resolve()) for root in self.roots]}
        try:
            found: list[Json] = child.ask("digits_core.data.volume_child", question, LIMIT_S, [])["found"]
        except child.NoAnswer as error:
            raise BadData(f"The volumes of {printable(cases[0]['label'])} could not be looked at: {error}.") from None
        return found

    def _add(self, entries: Entries, number: int, name: str, files: Json, found: Json) -> None:
        self.values |= set(found["values"])
        if len(self.values) > MOST_CLASSES:
            raise BadData(f"{printable(files['label'])} has more than {MOST_CLASSES} values. Is it a label volume?")
        self.size = self.size or (found["size"][0], found["size"][1])
        self.span = min(self.span[0], found["low"]), max(self.span[1], found["high"])
        pixels = np.array(found["pixels"])
        wanted = {"all": pixels >= 0, "max": np.arange(len(pixels)) == pixels.argmax(),
                  "threshold": pixels >= self.options.label_pixels}[self.options.slices]
        for place in np.flatnonzero(wanted).tolist():
            entries.add(f"{entries.base}{name}#{place:03d}", number, json.dumps({**files, "slice": place}))

    def source(self) -> Source:
        """The source as far as it is known."""
        values = sorted(self.values)
        names = self.names if len(self.names) == len(values) else [f"{value:g}" for value in values]
        low, high = self.span
        return Source(names, self.splits, list(self.roots), classified=False, cases=self.options.keep_cases,
                      size=self.size, depth=Depth(len(self.kinds), (low, high if high > low else low + 1)),
                      more={"rule": Rule("index", len(names)).to_json(), "axis": AXES[self.options.axis],
                            "values": values, "channels": self.kinds})


@lru_cache(maxsize=8)
def open_volume(path: str, roots: tuple[str, ...]) -> NDArray[np.float32]:
    """A volume (X, Y, Z); slices of a case come one after the other, so the last ones are kept. Raises BadData."""
    try:
        return safe_volume(read_regular(path, roots, MAX_BYTES))
    except BadData as error:
        raise BadData(f"has a volume, {printable(Path(path).name)}, that {error}") from None


def cut(volume: NDArray[np.float32], axis: int, place: int) -> NDArray[np.float32]:
    """One slice (H, W): head, or of axial slices the front, on top."""
    return np.ascontiguousarray(np.take(volume, place, axis).T[::-1])


def slice_of(how: Json, files: Json) -> tuple[Planes, Mask]:
    """The slice's channels on the dataset's scale, and its mask. Raises BadData when they do not fit together."""
    more, roots = how["more"], tuple(how["roots"])
    label, *planes = (cut(open_volume(path, roots), more["axis"], files["slice"])
                      for path in (files["label"], *files["pictures"]))
    if any(plane.shape != label.shape for plane in planes):
        sizes = " and ".join(dict.fromkeys(f"{plane.shape[1]} x {plane.shape[0]}" for plane in (*planes, label)))
        raise BadData(f"has volumes with slices of {sizes}")
    low, high = how["span"]
    values = np.array(more["values"], np.float32)
    if not np.isin(label, values).all():
        raise BadData("has values in its label volume that were not there when it was looked at")
    return (Planes((np.stack(planes) - np.float32(low)) * np.float32(255 / (high - low))),
            np.searchsorted(values, label).astype(np.uint8))
