"""Pictures with a class for every pixel: the source of a segmentation dataset, and how its records are made."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from digits_core.data import contours, masks, volumes
from digits_core.data.decoder import Example, fetch, opened
from digits_core.data.entries import Entries
from digits_core.data.folders import pictures
from digits_core.data.mask_rules import BINARY_NAMES, SAMPLES, read_class_labels
from digits_core.data.masks import Rule
from digits_core.data.pairs import pair
from digits_core.data.pictures import placement, prepare
from digits_core.data.planes import Planes
from digits_core.data.sources import Scan, Source
from digits_core.errors import BadData
from digits_core.jobs import child
from digits_core.safe import safe_path
from digits_core.tasks.segmentation import DatasetOptions

Json = dict[str, Any]
LIMIT_S = 60.0
CHUNK = 200
"""Label images that are looked at before the scan may end: a form that is being filled in does not wait for all."""


def segmentation(options: DatasetOptions, roots: Sequence[Path], scan: Scan) -> Source:
    """Look for what ``options`` name. Raises BadData when pictures and their labels do not fit together."""
    find = {"folders": _folders, "contours": contours.source, "volumes": volumes.source}[options.method]
    return find(options, roots, scan)


def _folders(options: DatasetOptions, roots: Sequence[Path], scan: Scan) -> Source:
    splits = {"train": _paired("train", options.images, options.labels, roots, scan)}
    for split in ("val", "test"):
        if getattr(options, f"{split}_images").strip():
            splits[split] = _paired(split, getattr(options, f"{split}_images"), getattr(options, f"{split}_labels"),
                                    roots, scan)
    names = read_class_labels(safe_path(options.labels_file, roots)) if options.labels_file.strip() else []
    found = _rule(splits["train"], options, roots, len(names))
    if found["rule"].pop("counted", False):
        _count_all(found["rule"], splits, roots, scan)
    rule = Rule.from_json(found["rule"])
    names = names or found["names"] or (
        BINARY_NAMES if rule.kind == "binary" else [str(number) for number in range(rule.classes)])
    return Source(names, splits, list(roots), classified=False, size=tuple(found["size"]),
                  more={"rule": {**found["rule"], "classes": len(names)}})


def _paired(split: str, images: str, labels: str, roots: Sequence[Path], scan: Scan) -> Entries:
    tops = safe_path(images, roots), safe_path(labels, roots)
    found = [{str(Path(path).relative_to(top)): path for path in pictures(top, split, "", list(roots), scan)}
             for top in tops]
    both, alone, left = pair(found[0], found[1])
    entries = scan.entries(split, str(tops[0]))
    for image, label in both:
        entries.add(found[0][image], 0, json.dumps({"label": found[1][label]}))
    for name in alone:
        scan.skip(name, split, "", "has no label image", True)
    if left:
        scan.note("labels-alone", len(left))
    return entries


def _rule(train: Entries, options: DatasetOptions, roots: Sequence[Path], classes: int) -> Json:
    """{"rule", "names", "size"}: looked for in a process of its own, because files of strangers are decoded."""
    places = np.linspace(0, len(train) - 1, min(SAMPLES, len(train))).astype(int).tolist()
    with_map = options.colour_map == "file"
    return _asked({"labels": [json.loads(train.extra(place))["label"] for place in places],
                   "image": train.location(0), "values": "auto" if with_map else options.values, "classes": classes,
                   "colour_map": str(safe_path(options.colour_map_file, roots)) if with_map else ""}, roots)


def _count_all(rule: Json, splits: dict[str, Entries], roots: Sequence[Path], scan: Scan) -> None:
    """Put the number of classes into the rule: rare ones may be in any label image. Raises BadData for a single one."""
    for entries in splits.values():
        labels = [json.loads(entries.extra(place))["label"] for place in range(len(entries))]
        for start in range(0, len(labels), CHUNK):
            scan.tick()
            rule["classes"] = max(rule["classes"], _asked({"counted": labels[start:start + CHUNK]}, roots)["classes"])
    if rule["classes"] < 2:
        raise BadData("The label images hold a single class, number 0: there is nothing to tell apart. Their values "
                      "must be class numbers from 0 (255 is ignored), or be told by a colour map file.")
    rule["colours"] = rule["colours"][:rule["classes"]]


def _asked(question: Json, roots: Sequence[Path]) -> Json:
    question = {**question, "roots": [str(root.resolve()) for root in roots]}
    try:
        answer = child.ask("digits_core.data.mask_child", question, LIMIT_S, [])
    except child.NoAnswer as error:
        raise BadData(f"The label images could not be looked at: {error}.") from None
    if "error" in answer:
        raise BadData(str(answer["error"]))
    return answer


def example(how: Json, location: str, name: str, extra: str) -> Example:
    """A picture with its mask uint8 (H, W). Raises DigitsError with the reason when they cannot be used."""
    more, found = how["more"], json.loads(extra)
    rule = Rule.from_json(more["rule"]) if "rule" in more else Rule("index")  # a quick look that ended while counting
    if "slice" in found:
        return _example(how, *volumes.slice_of(how, found), [], rule)
    image, notes = opened(how, location, name)
    mask = _mask(how, found, rule, image.size)
    if mask.shape != (image.height, image.width):
        raise BadData(f"is {image.width} x {image.height}, but its label image is {mask.shape[1]} x {mask.shape[0]}")
    return _example(how, image, mask, notes, rule)


def _example(how: Json, image: Image.Image | Planes, mask: masks.Mask, notes: list[str], rule: Rule) -> Example:
    width, height = how["width"], how["height"]
    pixels = prepare(image, how["channels"], width, height, how["resize_mode"])
    mask = masks.fit(mask, width, height, placement(image.size, width, height, how["resize_mode"]))
    counts = np.bincount(mask[mask != masks.IGNORED], minlength=rule.classes)
    return Example(pixels, image.size, notes, mask, tuple(counts.tolist()))


def _mask(how: Json, found: Json, rule: Rule, size: tuple[int, int]) -> masks.Mask:
    if "contour" in found:
        return contours.mask(fetch(found["contour"], how), found["contour"].rpartition("/")[2], *size)
    return masks.read(fetch(found["label"], how), found["label"].rpartition("/")[2], rule)
