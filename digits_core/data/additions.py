"""Pictures that a version adds to a dataset: looked for, divided, and read like those the dataset was built from."""

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from digits_core.data import folders
from digits_core.data.entries import Entries
from digits_core.data.places import Places
from digits_core.data.plan import SPLITS, Part
from digits_core.data.planes import ALL
from digits_core.data.pool import Pool
from digits_core.data.recipe import Recipe
from digits_core.data.records import Record, Records, unpack_record
from digits_core.data.sources import Scan
from digits_core.data.split import shuffled, split
from digits_core.data.version_options import UPLOADED, Addition
from digits_core.errors import BadData
from digits_core.jobs.context import Context
from digits_core.safe import safe_join, safe_path
from digits_core.safe.archives import safe_extract
from digits_core.settings import Settings

Json = dict[str, Any]
REPEATED = "is there already: a picture with the same pixels"


class Additions:
    """New pictures for the dataset whose manifest is given; ``close`` removes what was unpacked."""

    def __init__(self, context: Context, options: Addition, manifest: Json, quality: int = 90) -> None:
        self.context, self.options, self.manifest, self.quality = context, options, manifest, quality
        self.settings = Settings.load()
        self.staging = context.folder.path / ".staging"
        shutil.rmtree(self.staging, ignore_errors=True)
        self.staging.mkdir()
        self.labels: list[str] = list(manifest["labels"])
        self.notes: Counter[str] = Counter()
        self.skipped: list[tuple[str, str, str, str, bool]] = []
        """Path, split, class, reason, and whether it is bad (or was left out on purpose)."""
        self.prints: set[int] = set()
        self.roots: list[Path] = []
        self.places = Places(options, self.settings, self.staging / "s3", manifest["channels"] != ALL)
        self.parts = self._divided(self._found())

    def close(self) -> None:
        """Remove temporary files."""
        self.places.close()
        shutil.rmtree(self.staging, ignore_errors=True)

    def _found(self) -> Entries:
        """All pictures of known classes; new classes get the next numbers where that is wanted."""
        context = self.context
        options, roots = self.places.local(self.settings.data_roots, context,
                                           lambda *row: self.skipped.append((*row, True)))
        skip = lambda *row: self.skipped.append(row)
        scan = Scan(self.staging, context.folder.path, roots, [], skip,
                    lambda kind, count: self.notes.update({kind: count}), context.check_stop)
        context.progress(0.0, "Looking for pictures")
        if options.archive:
            archive = (safe_join(context.folder.path, options.archive.removeprefix(UPLOADED))
                       if options.archive.startswith(UPLOADED) else safe_path(options.archive, roots))
            target = self.staging / "pictures"
            safe_extract(archive, target, tick=context.check_stop)
            top, roots = folders.only_child(target), [target]
        else:
            top = safe_path(options.folder, roots)
        self.roots, names = roots, [folders.class_name(name) for name in folders.subfolders(top)]
        if options.new_classes:
            self.labels += [name for name in names if name not in set(self.labels)]
        scan.labels = self.labels
        entries = folders.read(top, "added", roots, scan)
        if not len(entries):
            more = ", ..." if len(self.labels) > 5 else ""
            raise BadData(f"No picture to add was found. Class folders there: {', '.join(names[:5]) or 'none'}; "
                          f"classes of the dataset: {', '.join(self.labels[:5])}{more}.")
        context.log(f"Found {len(entries)} pictures to add.")
        return entries

    def _divided(self, entries: Entries) -> dict[str, Part]:
        """Which new picture goes where."""
        same = {number: number for number in range(len(self.labels))}
        if self.options.split != "same":
            return {self.options.split: Part(entries, shuffled(len(entries), self.options.seed), same)}
        sizes = {name: int(part["entries"]) for name, part in self.manifest["splits"].items()}
        shares = {name: 100 * sizes[name] / sum(sizes.values()) for name in ("val", "test") if sizes.get(name)}
        divided = split(entries.labels, shares, self.options.seed)
        return {name: Part(entries, divided[name], same) for name in SPLITS if name in divided and len(divided[name])}

    def remember(self, databases: Iterable[Path]) -> None:
        """Look at every picture that is there, so that repeated ones are known."""
        for database in databases:
            records = Records(database)
            for place, record in enumerate(records.records(range(len(records)))):
                self.prints.add(fingerprint_of(record))
                if place % 256 == 0:
                    self.context.check_stop()
                    self.context.progress(0.3 * place / len(records), f"Looking at the {database.stem} pictures")

    def records(self, name: str) -> Iterator[tuple[Record, bytes]]:
        """What is added to a split, as record and bytes; what is not used is listed in ``skipped``."""
        part = self.parts.get(name)
        if part is None:
            return
        _, height, width = self.manifest["shape"]
        recipe = Recipe(self.manifest["channels"], width, height, self.manifest["resize_mode"],
                        self.manifest["encoding"], self.quality, [os.path.realpath(root) for root in self.roots],
                        **_depth(self.manifest))
        with Pool(recipe, None, self.context.check_stop) as pool:
            for outcome in pool.outcomes(self.places.ahead(part.items())):
                self.places.release(outcome.item.location)
                label = self.labels[outcome.item.label]
                if outcome.record is None:
                    self.skipped.append((outcome.item.name, name, label, outcome.reason, True))
                    continue
                value = bytes(outcome.record)
                record = unpack_record(value)
                if self._is_repeated(record):
                    self.notes["repeated"] += 1
                    if self.options.duplicates == "leave-out":
                        self.skipped.append((outcome.item.name, name, label, REPEATED, False))
                        continue
                self.notes.update(outcome.notes)
                yield record, value

    def _is_repeated(self, record: Record) -> bool:
        mark = fingerprint_of(record)
        known = mark in self.prints
        self.prints.add(mark)
        return known


def _depth(manifest: Json) -> Json:
    """Channels and span of a dataset in full depth."""
    if manifest["channels"] != ALL:
        return {}
    low, high = manifest["span"]
    return {"planes": int(manifest["shape"][0]), "span": (float(low), float(high))}


def fingerprint_of(record: Record) -> int:
    """The same for two records with the same pixels; what a lossy encoding keeps of them counts."""
    from digits_core.data.decoder import fingerprint

    return fingerprint(np.ascontiguousarray(record.pixels()))
