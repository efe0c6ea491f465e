"""Which of the found pictures are used, and where: minimum and maximum per class, percentages, separate folders."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from digits_core.data.entries import Entries
from digits_core.data.frames import video_of
from digits_core.data.pool import Item
from digits_core.data.sources import Source
from digits_core.data.split import Indices, choose, shuffled, split, split_together
from digits_core.errors import BadData

LeaveOut = Callable[[str, str, str, str], None]
"""Called with path, split, class and reason for every picture that is left out on purpose."""
SPLITS = ("train", "val", "test")
UNKNOWN_CLASS = "class is not among the training classes"
RECORD_OVERHEAD = 300
"""Bytes of a record beside its picture: header with path, and LMDB's own."""
SHARE_OF_RAW = {"png": 0.9, "jpeg": 0.4, "none": 1.0, "all": 4.0}


class Part(NamedTuple):
    """One split: its list, the positions to read in their final order, and the new label of every old one."""

    entries: Entries
    order: Indices
    new_label: dict[int, int]

    def items(self) -> Iterator[Item]:
        """The pictures to decode, in order."""
        for place in self.order:
            location = self.entries.location(int(place))
            yield Item(location, self.entries.name(location), self.new_label[self.entries.label(int(place))],
                       self.entries.extra(int(place)))


class Plan(NamedTuple):
    """Class names by label, and the splits that hold pictures. Unless ``classified``, pictures have no class."""

    labels: list[str]
    parts: dict[str, Part]
    classified: bool = True

    @property
    def pictures(self) -> int:
        """How many pictures will be read."""
        return sum(len(part.order) for part in self.parts.values())

    def name(self, label: int) -> str:
        """The class of a picture with this label; empty where pictures have none."""
        return self.labels[label] if self.classified else ""


def divide(source: Source, options: Any, leave_out: LeaveOut) -> Plan:
    """Make the plan. Raises BadData when fewer than two classes are left to train on."""
    if not source.classified:
        return _divide_all(source, options)
    train = source.splits["train"]
    old = train.labels

    def drop(entries: Entries, places: Indices, name: str, reason: str) -> None:
        for place in map(int, places):
            leave_out(entries.name(entries.location(place)), name, source.labels[entries.label(place)], reason)

    chosen = choose(old, options.min_per_class, options.max_per_class, options.seed)
    drop(train, chosen.too_few, "train", f"its class has fewer than {options.min_per_class} pictures")
    drop(train, chosen.too_many, "train", f"over the maximum of {options.max_per_class} for its class")
    left = np.unique(old[chosen.kept])
    if len(left) < 2:
        raise BadData(f"{len(left)} of {len(source.labels)} classes have at least {options.min_per_class} picture(s); "
                      "training needs two such classes. Add pictures, or lower the minimum.")
    labels, new = list(source.labels), {number: number for number in range(len(source.labels))}
    if not source.keeps_labels:
        labels, new = [labels[number] for number in left], {int(old): place for place, old in enumerate(left)}
    divided = _divided(train, chosen.kept, _shares(source, options), options, options.stratified)
    parts = {name: Part(train, chosen.kept[places], new) for name, places in divided.items()}
    for name, entries in source.splits.items():
        if name != "train":
            known = np.isin(entries.labels, list(new))
            drop(entries, np.flatnonzero(~known), name, UNKNOWN_CLASS)
            places = np.flatnonzero(known)
            parts[name] = Part(entries, places[shuffled(len(places), options.seed)], new)
    return Plan(labels, {name: parts[name] for name in SPLITS if name in parts and len(parts[name].order)})


def _divided(train: Entries, kept: Indices, shares: dict[str, float], options: Any, stratified: bool
             ) -> dict[str, Indices]:
    """Places in ``kept`` by split."""
    labels = train.labels[kept]
    groups = together(train, kept, options.keep_together)
    if groups is None or not shares:
        return split(labels, shares, options.seed, stratified)
    return split_together(labels, groups, shares, options.seed, stratified)


def together(entries: Entries, places: Indices, by: str) -> Indices | None:
    """A number for each of these entries, the same for those that belong together; None when none do.

    ``by``: video (frames of one video) or folder as well (pictures of one folder that is not a class itself).
    """
    names = [_together(entries.name(entries.location(int(place))), by) for place in places]
    if not any(names):
        return None
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(name or f"\0{place}", len(numbers)) for place, name in enumerate(names)])


def _together(name: str, by: str) -> str:
    folder = name.rpartition("/")[0]
    return video_of(name) or (folder if by == "folder" and "/" in folder else "")


def _shares(source: Source, options: Any) -> dict[str, float]:
    """Percent of the training pictures for each split that has no source of its own."""
    wanted = (("val", options.val_percent), ("test", options.test_percent))
    return {name: percent for name, percent in wanted if percent > 0 and name not in source.splits}


def _divide_all(source: Source, options: Any) -> Plan:
    """Pictures without a class: all are used."""
    train, shares = source.splits["train"], _shares(source, options)
    if source.cases and len(np.unique(train.labels)) > 1:  # in order: one case after the other is quick to read
        found = split_together(np.zeros(len(train), np.int64), train.labels, shares, options.seed, False)
        divided = {name: np.sort(places) for name, places in found.items()}
    else:
        divided = _divided(train, np.arange(len(train)), shares, options, False)
    same = dict.fromkeys([0, *(label for entries in source.splits.values() for label in entries.labels.tolist())], 0)
    parts = {name: Part(train, places, same) for name, places in divided.items()}
    for name, entries in source.splits.items():
        if name != "train":
            parts[name] = Part(entries, shuffled(len(entries), options.seed), same)
    return Plan(list(source.labels), {name: parts[name] for name in SPLITS if name in parts and len(parts[name].order)},
                False)


def estimate_bytes(encoding: str, raw: int, count: int) -> int:
    """Disk space that ``count`` pictures of ``raw`` values will take, rather too much than too little."""
    page = 2048 if raw > 2048 else 0  # LMDB gives larger values pages of their own, half a page is lost on average
    return int(count * (raw * SHARE_OF_RAW[encoding] + RECORD_OVERHEAD + page))
