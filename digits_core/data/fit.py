"""Is this dataset fit to train on? ``python -m digits_core.data.fit FOLDER`` looks at every picture and tells.

A process of its own leaves fit.json: balance, sizes, copies, leaks between splits, pictures with two labels.
Memory: about 300 bytes a picture.
"""

import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from digits_core import files
from digits_core.data import alike, index
from digits_core.data.decoder import fingerprint
from digits_core.data.plan import SPLITS
from digits_core.data.records import Records
from digits_core.errors import BadData, DigitsError
from digits_core.jobs import process

Json = dict[str, Any]
VERSION = 1
REPORT, RUN = "fit.json", "fit-run.json"
"""The finished report, and who works on it (process, and how far it is)."""
MEMORY_LIMIT = 8 << 30
BATCH = 64
RATIO = 10
"""Largest class to smallest from which the balance is called uneven."""
MOST_GROUPS = 20_000
"""Groups that are kept with all their members; more are only counted."""


class Seen(NamedTuple):
    """What was found out about each picture, over all splits one after the other."""

    split: NDArray[np.int64]
    place: NDArray[np.int64]
    label: NDArray[np.int64]
    size: NDArray[np.int64]
    prints: NDArray[np.uint64]
    hashes: NDArray[np.uint64]
    thumbs: NDArray[np.uint8]


def main() -> None:
    """Look at the dataset in the folder given; whatever happens short of a crash is written down."""
    folder = Path(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    os.nice(5)
    started = time.time()
    try:
        report = examine(folder, _reporter(folder))
    except (DigitsError, MemoryError) as error:
        report = {"error": str(error) or "It needs too much memory."}
    files.write_atomic(folder / REPORT, {"v": VERSION, **report, "made": time.time(),
                                         "seconds": round(time.time() - started, 2)})
    (folder / RUN).unlink(missing_ok=True)


def _reporter(folder: Path) -> Callable[[float], None]:
    who, last = process.identity(), 0.0

    def report(done: float) -> None:
        nonlocal last
        if not last or time.monotonic() - last > 1:
            last = time.monotonic()
            files.write_atomic(folder / RUN, {"process": who, "done": done})

    return report


def examine(folder: Path, report: Callable[[float], None] = lambda done: None) -> Json:
    """The report on a finished dataset. Raises BadData when its databases are damaged."""
    manifest = files.read_json(folder / "manifest.json") or {}
    names = [name for name in SPLITS if name in (manifest.get("splits") or {})]
    labels = [str(label) for label in manifest.get("labels") or []]
    if not names or not labels:
        raise BadData("The dataset's manifest is missing or damaged. Build it again.")
    seen = _see(folder, names, sum(len(Records(folder / f"{name}.lmdb")) for name in names), report)
    groups = _groups(seen, names, folder, lambda: report(0.95))
    report(0.99)
    return {"pictures": len(seen.label), "balance": balance(manifest, labels), "sizes": sizes(seen.size, manifest),
            "counts": {kind: sum(kind in group["kinds"] for group in groups) for kind in KINDS},
            "pictures_in": {kind: sum(len(group["members"]) for group in groups if kind in group["kinds"])
                            for kind in KINDS},
            "groups": groups[:MOST_GROUPS], "groups_left_out": max(0, len(groups) - MOST_GROUPS)}


KINDS = ("exact", "near", "leak", "labels")
"""What a group of alike pictures can be: the same pixels, nearly so, over splits, with different labels."""


def _see(folder: Path, names: list[str], total: int, report: Callable[[float], None]) -> Seen:
    parts: dict[str, list[Any]] = {field: [] for field in Seen._fields}
    done = 0
    for number, name in enumerate(names):
        records, facts = Records(folder / f"{name}.lmdb"), index.load(folder / f"{name}.lmdb")
        parts["split"].append(np.full(len(records), number))
        parts["place"].append(np.arange(len(records)))
        parts["label"].append(facts.labels)
        parts["size"].append(facts.sizes)
        for pixels in _batches(records):
            hashes, thumbs = alike.look(pixels)
            parts["prints"].append(np.array([fingerprint(picture) for picture in pixels], np.uint64))
            parts["hashes"].append(hashes)
            parts["thumbs"].append(thumbs)
            done += len(pixels)
            report(0.9 * done / total)
    return Seen(**{field: np.concatenate(values) for field, values in parts.items()})


def _batches(records: Records) -> Iterator[NDArray[Any]]:
    for start in range(0, len(records), BATCH):
        yield records.batch(range(start, min(start + BATCH, len(records))))[0]


def _groups(seen: Seen, names: list[str], folder: Path, tick: Callable[[], None]) -> list[Json]:
    """Groups of pictures that are the same or nearly so, those with a leak or two labels first."""
    same = alike.exact(seen.prints)
    copies = {int(group[0]): group for group in same}
    single = np.ones(len(seen.label), bool)
    for group in same:
        single[group[1:]] = False
    left = np.flatnonzero(single)  # one of each: copies are alike anyway
    pairs = left[alike.similar(seen.hashes[left], seen.thumbs[left], tick)].reshape(-1, 2)
    near = [[int(m) for place in star for m in copies.pop(place, [place])] for star in alike.stars(pairs)]
    found = [(["near"], members) for members in near] + [(["exact"], group.tolist()) for group in copies.values()]
    paths = {number: index.load(folder / f"{name}.lmdb").paths for number, name in enumerate(names)}
    groups = [_group(kinds, members, seen, names, paths) for kinds, members in found]
    return sorted(groups, key=lambda group: (-len(group["kinds"]), group["members"][0]["index"]))


# "same" is the place of the group's first member with the very same pixels
def _group(kinds: list[str], members: list[int], seen: Seen, names: list[str], paths: dict[int, list[str]]) -> Json:
    members = sorted(members)
    if kinds == ["near"] and len(np.unique(seen.prints[members])) < len(members):
        kinds = ["exact", "near"]
    splits = {int(number) for number in seen.split[members]}
    if 0 in splits and len(splits) > 1:  # number 0 is training
        kinds = [*kinds, "leak"]
    if len(np.unique(seen.label[members])) > 1:
        kinds = [*kinds, "labels"]
    prints = [int(seen.prints[m]) for m in members]
    return {"kinds": kinds, "members": [
        {"split": names[seen.split[m]], "index": int(seen.place[m]), "label": int(seen.label[m]),
         "path": paths[int(seen.split[m])][int(seen.place[m])], "same": prints.index(prints[number])}
        for number, m in enumerate(members)]}


def balance(manifest: Json, labels: list[str]) -> Json:
    """Largest and smallest class of the training split, and how far they are apart."""
    counts = np.array(manifest["splits"]["train"]["per_class"], np.int64)
    used = counts[counts > 0]
    low, high = int(np.where(counts > 0, counts, counts.max() + 1).argmin()), int(counts.argmax())
    ratio = float(used.max() / used.min()) if len(used) else 0.0
    return {"ratio": round(ratio, 2), "warn": ratio > RATIO or len(used) < len(counts),
            "largest": {"class": labels[high], "pictures": int(counts[high])},
            "smallest": {"class": labels[low], "pictures": int(counts[low])},
            "empty": [labels[place] for place in np.flatnonzero(counts == 0)]}


def sizes(found: NDArray[np.int64], manifest: Json) -> Json:
    """Sizes and proportions of the pictures' sources, as far as the build noted them."""
    known = found[(found > 0).all(axis=1)]
    width, height = int(manifest["shape"][2]), int(manifest["shape"][1])
    answer: Json = {"known": len(known), "unknown": len(found) - len(known), "width": [], "height": [], "side": [],
                    "aspect": [], "smaller": int(((known[:, 0] < width) & (known[:, 1] < height)).sum())}
    if len(known):
        for name, column in (("width", known[:, 0]), ("height", known[:, 1])):
            answer[name] = [int(column.min()), float(np.median(column)), int(column.max())]
        answer["side"] = _histogram(np.sqrt(known.prod(axis=1)), None)
        answer["aspect"] = _histogram(np.clip(known[:, 0] / known[:, 1], 0.25, 4), (0.25, 4))
    return answer


def _histogram(values: NDArray[Any], limits: tuple[float, float] | None) -> list[list[float]]:
    """[[from, to, pictures], ...] with edges that grow evenly on a log scale."""
    low, high = limits or (float(values.min()), float(values.max()))
    edges = np.geomspace(low, high * 1.0001, 17 if high > low else 2)
    counts, _ = np.histogram(values, edges)
    return [[round(float(a), 3), round(float(b), 3), int(n)] for a, b, n in zip(edges, edges[1:], counts, strict=False)]


if __name__ == "__main__":
    main()
