"""Pictures with the pictures that shall be made of them: the source of an image-processing dataset."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digits_core.data import databases, depth
from digits_core.data.decoder import Example, opened
from digits_core.data.entries import Entries
from digits_core.data.folders import pictures
from digits_core.data.pairs import pair
from digits_core.data.pictures import prepare
from digits_core.data.planes import ALL
from digits_core.data.sources import Scan, Source
from digits_core.errors import BadData
from digits_core.safe import safe_path
from digits_core.tasks.processing import DatasetOptions

Json = dict[str, Any]
CHANNELS = {"gray": ["grey"], "color": ["red", "green", "blue"]}


def processing(options: DatasetOptions, roots: Sequence[Path], scan: Scan) -> Source:
    """Look for what ``options`` name. Raises BadData when no picture has a partner."""
    splits, size = _found(options, roots, scan)
    more = {"method": options.method, "factor": options.factor}
    if options.channels != ALL:
        return Source(CHANNELS[options.channels], splits, list(roots), classified=False, size=size,
                      exact=size is not None, more=more)
    found = depth.look(splits["train"], roots)
    labels = [f"channel {number}" for number in range(1, found.planes + 1)]
    return Source(labels, splits, list(roots), classified=False, size=size, exact=size is not None,
                  depth=found, more=more)


def _found(options: DatasetOptions, roots: Sequence[Path],
           scan: Scan) -> tuple[dict[str, Entries], tuple[int, int] | None]:
    if options.method == "lmdb":
        return databases.found(options, roots, scan, numbers=False)
    splits = {"train": _listed("train", options.folder, options.wanted_folder, options, roots, scan)}
    if options.val_folder.strip():
        splits["val"] = _listed("val", options.val_folder, options.val_wanted_folder, options, roots, scan)
    return splits, None


def _listed(split: str, folder: str, wanted: str, options: DatasetOptions, roots: Sequence[Path],
            scan: Scan) -> Entries:
    top = safe_path(folder, roots)
    entries = scan.entries(split, str(top))
    if options.method != "folder":
        for path in pictures(top, split, "", list(roots), scan, videos=True):
            entries.add(path, 0, "{}")
        return entries
    found = _names(top, split, roots, scan)
    partners = _names(safe_path(wanted, roots), split, roots, scan)
    both, alone, left = pair(found, partners)
    for name, partner in both:
        entries.add(found[name], 0, json.dumps({"wanted": partners[partner]}))
    for name in alone:
        scan.skip(name, split, "", "has no partner among the wanted pictures", True)
    if left:
        scan.note("partners-alone", len(left))
    return entries


def _names(top: Path, split: str, roots: Sequence[Path], scan: Scan) -> dict[str, str]:
    return {str(Path(path).relative_to(top)): path for path in pictures(top, split, "", list(roots), scan)}


def example(how: Json, location: str, name: str, extra: str) -> Example:
    """A picture and the one wanted, uint8 (C, H, W). Raises DigitsError with the reason when they cannot be used."""
    image, notes = opened(how, location, name)
    form = (how["channels"], how["width"], how["height"], how["resize_mode"])
    pixels, partner = prepare(image, *form), json.loads(extra).get("wanted")
    if partner is None:
        wanted = pixels
    else:
        other = opened(how, partner, partner)[0]
        ratios = image.width * other.height, image.height * other.width
        if abs(ratios[0] - ratios[1]) > 0.02 * max(ratios):
            raise BadData(f"is {image.width} x {image.height}, its partner {other.width} x {other.height}: they must "
                          "show the same")
        wanted = prepare(other, *form)
    if how["more"]["method"] == "sharpen":
        pixels = np.concatenate([blurred(plane, how["more"]["factor"])[None] for plane in pixels])
    return Example(pixels, image.size, notes, wanted)


def blurred(plane: NDArray[Any], factor: int) -> NDArray[Any]:
    """A channel (H, W) made so many times smaller (by area) and enlarged to its old size again (bicubic)."""
    image = Image.fromarray(plane)
    small = image.resize((max(1, image.width // factor), max(1, image.height // factor)), Image.Resampling.BOX)
    return np.asarray(small.resize(image.size, Image.Resampling.BICUBIC))
