"""Builds a version of a dataset: its parent's records with a list of edits, a part of them, or with more pictures."""

import csv
import io
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digits_core import files
from digits_core.data import index
from digits_core.data.additions import Additions
from digits_core.data.edits import SPLITS, Edits
from digits_core.data.pictures import to_png
from digits_core.data.records import Record, Records, RecordWriter, relabelled, unpack_record
from digits_core.data.selection import class_numbers, places
from digits_core.data.statistics import Statistics
from digits_core.data.version_options import Addition, Selection
from digits_core.errors import BadData
from digits_core.jobs.context import Context

Json = dict[str, Any]
RESERVE = 64_000_000
EDITS_FILE = "edits.json"
EXCLUDED = "left out in this version"
OUTSIDE = "not in this subset"


def run(context: Context) -> Json:
    """Entry of the worker for a dataset job that has a parent; returns its key figures."""
    version = Version(context)
    try:
        return version.run()
    finally:
        version.close()


class Version:
    """One attempt to make one version; whatever an earlier attempt left is removed first."""

    def __init__(self, context: Context) -> None:
        self.context, self.folder = context, context.folder.path
        view = context.store.get(context.job.options["parent"])
        self.parent, self.manifest = view, view.folder.manifest()
        rows = (files.read_json(self.folder / EDITS_FILE) or {}).get("edits")
        if self.manifest.get("complete") is not True or not isinstance(rows, list):
            raise BadData("The dataset it is made from, or the list of changes, is missing or damaged. Make the "
                          "version again.")
        self.edits = Edits.of(rows)
        self.old = {name: view.folder.path / f"{name}.lmdb" for name in SPLITS if name in self.manifest["splits"]}
        self._clean()
        self.subset = self._select(context.job.options.get("select"))
        self.additions = self._more(context.job.options.get("add"))
        self.names: list[str] = self.additions.labels if self.additions else self.manifest["labels"]
        """Classes of the parent, then new ones: what labels mean until ``kept`` numbers them anew."""
        self.kept = {old: new for new, old in enumerate(self.subset or range(len(self.names)))}
        self.labels = [self.names[number] for number in self.kept]
        self.counts = {name: np.zeros(len(self.labels), np.int64) for name in SPLITS}
        self.bytes: Counter[str] = Counter()
        self.gone: list[tuple[str, str, str, str]] = []
        self.diff = {kind: np.zeros(len(self.names), np.int64) for kind in
                     ("removed", "relabelled_from", "relabelled_to", "moved", "added")}
        self.statistics = (Statistics(tuple(self.manifest["shape"])) if self.subset
                           else Statistics.restored(view.folder.path, self.manifest))

    def close(self) -> None:
        """Remove temporary files."""
        if self.additions:
            self.additions.close()

    def _select(self, values: Json | None) -> list[int]:
        """Leave out what a subset does not hold; returns its classes (nothing: this is no subset)."""
        if not values:
            return []
        selection = Selection.model_validate(values)
        classes = class_numbers(selection, self.manifest["labels"])
        for name, path in self.old.items():
            facts = index.load(path)
            out = np.ones(len(facts.labels), bool)
            out[places(selection, name, facts, classes)] = False
            self.edits.excluded[name] = set(np.flatnonzero(out).tolist())
        return classes

    def _more(self, values: Json | None) -> Additions | None:
        if not values:
            return None
        quality = int(self.context.job.options.get("jpeg_quality") or 90)
        return Additions(self.context, Addition.model_validate(values), self.manifest, quality)

    def _clean(self) -> None:
        for name in ("manifest.json", "skipped.csv", "labels.txt", "mean.npy", "mean.png"):
            (self.folder / name).unlink(missing_ok=True)
        for name in SPLITS:
            shutil.rmtree(self.folder / f"{name}.lmdb", ignore_errors=True)

    def run(self) -> Json:
        """Write every split, judge what is left, and only then the manifest that makes the version usable."""
        old = sum(part["entries"] for part in self.manifest["splits"].values())
        more = sum(len(part.order) for part in self.additions.parts.values()) if self.additions else 0
        need, free = round(int(self.manifest["bytes"]) * (1 + more / max(1, old))), files.free_bytes(self.folder)
        if need + RESERVE > free:
            raise files.DiskFull(f"The version needs about {need / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free in "
                                 f"{self.folder.parent}. Free some space, then resume.")
        moving = {source: set(moves) for source, moves in self.edits.moved.items()}
        done, total = 0, max(1, old + more)
        if self.additions:
            self.additions.remember(self.old.values())
        for name in SPLITS:
            if not any(True for _ in self._sources(name, moving)) and not self._adds(name):
                continue
            with RecordWriter(self.folder / f"{name}.lmdb") as writer:
                for source, place, value in self._values(name, moving):
                    writer.put(self._edited(source, place, name, value))
                    done += 1
                    self._report(done, total, name)
                for record, value in self.additions.records(name) if self.additions else ():
                    writer.put(self._added(record, name, value))
                    done += 1
                    self._report(done, total, name)
            if not self.counts[name].any():  # everything that was to be added turned out to be of no use
                shutil.rmtree(self.folder / f"{name}.lmdb")
        return self._finish()

    def _report(self, done: int, total: int, name: str) -> None:
        if done % 256 == 0:
            self.context.check_stop()
            start = 0.3 if self.additions else 0.0
            self.context.progress(start + (0.99 - start) * done / total, f"Writing {name} pictures")

    def _adds(self, name: str) -> bool:
        return self.additions is not None and name in self.additions.parts

    def _added(self, record: Record, target: str, value: bytes) -> bytes:
        """A new record, counted."""
        self.diff["added"][record.label] += 1
        self.counts[target][record.label] += 1
        self.bytes[target] += len(value)
        self._pixels(record.pixels, int(target == "train"))
        return value

    def _sources(self, name: str, moving: dict[str, set[int]]) -> Iterator[tuple[str, int]]:
        """Old split and position of everything that stands in a split of the version: its own first."""
        if name in self.old:
            out = moving.get(name, set()) | self.edits.excluded.get(name, set())
            yield from ((name, place) for place in range(len(Records(self.old[name]))) if place not in out)
        for source in self.old:
            out = self.edits.excluded.get(source, set())
            yield from ((source, place) for place, to in sorted(self.edits.moved.get(source, {}).items())
                        if to == name and place not in out)

    def _values(self, name: str, moving: dict[str, set[int]]) -> Iterator[tuple[str, int, bytes]]:
        opened = {source: Records(path) for source, path in self.old.items()}
        for source, place in self._sources(name, moving):
            yield source, place, opened[source].value(place)

    def _edited(self, source: str, place: int, target: str, value: bytes) -> bytes:
        """A record's bytes with its new label, counted."""
        record = unpack_record(value)
        label = self.edits.labels.get(source, {}).get(place, record.label)
        if label != record.label:
            self.diff["relabelled_from"][record.label] += 1
            self.diff["relabelled_to"][label] += 1
        if source != target:
            self.diff["moved"][label] += 1
        counted = source == "train" and not self.subset  # a subset's sums begin at nothing
        self._pixels(record.pixels, int(target == "train") - int(counted))
        label = self.kept[label]
        if label != record.label:
            value = relabelled(value, label)
        self.counts[target][label] += 1
        self.bytes[target] += len(value)
        return value

    def _pixels(self, pixels: Callable[[], NDArray[Any]], sign: int) -> None:
        """Put a picture into the training sums, or take it out; it is decoded only then."""
        if sign:
            self.statistics.change(pixels(), sign)

    def _leave_out(self) -> None:
        """Count and list what is excluded; training pictures leave the sums."""
        for name, out in self.edits.excluded.items():
            if self.subset:
                facts = index.load(self.old[name])
                self._gone(name, ((facts.paths[place], int(facts.labels[place])) for place in sorted(out)), OUTSIDE)
                continue
            for record in Records(self.old[name]).records(sorted(out)):
                self._gone(name, [(record.path, record.label)], EXCLUDED)
                self._pixels(record.pixels, -(name == "train"))

    def _gone(self, split: str, rows: Iterable[tuple[str, int]], reason: str) -> None:
        for path, label in rows:
            self.diff["removed"][label] += 1
            self.gone.append((path, split, self.names[label], reason))

    def _finish(self) -> Json:
        self._leave_out()
        if self.additions and not self.diff["added"].any():
            raise BadData(f"None of the {len(self.additions.skipped)} pictures found was added. The first: "
                          f"{': '.join(self.additions.skipped[0][:1] + self.additions.skipped[0][3:4])}.")
        if (self.counts["train"] > 0).sum() < 2:
            raise BadData("After these changes fewer than two classes have pictures to train on.")
        self._write_mean()
        files.write_atomic(self.folder / "labels.txt", "".join(f"{label}\n" for label in self.labels))
        self._write_skipped()
        written = {name: {"entries": int(counts.sum()), "per_class": counts.tolist(), "bytes": self.bytes[name]}
                   for name, counts in self.counts.items() if counts.any()}
        for name in written:
            index.write(self.folder / f"{name}.lmdb")
        files.write_atomic(self.folder / "manifest.json", self._manifest(written))
        self.context.progress(1.0, "Done")
        made = files.read_json(self.folder / "manifest.json") or {}
        return {"classes": len(self.labels), "pictures": made["used"], "skipped": made["skipped"],
                "bytes": made["bytes"], **{name: written.get(name, {"entries": 0})["entries"] for name in SPLITS}}

    def _write_mean(self) -> None:
        buffer, mean = io.BytesIO(), self.statistics.mean()
        np.save(buffer, mean, allow_pickle=False)
        files.write_atomic(self.folder / "mean.npy", buffer.getvalue())
        files.write_atomic(self.folder / "mean.png", to_png(mean))

    def _write_skipped(self) -> None:
        """The parent's list, byte for byte, and what this version leaves out."""
        old = self.parent.folder.path / "skipped.csv"
        text = io.StringIO(newline="")
        csv.writer(text).writerows([*self.gone, *(row[:4] for row in self._unused())])
        start = old.read_bytes() if old.exists() else b"path,split,class,reason\r\n"
        files.write_atomic(self.folder / "skipped.csv", start + text.getvalue().encode("utf-8", "surrogateescape"))

    def _unused(self) -> list[tuple[str, str, str, str, bool]]:
        return self.additions.skipped if self.additions else []

    def _manifest(self, written: Json) -> Json:
        old, unused = self.manifest, self._unused()
        means, deviations = self.statistics.pixel()
        used = sum(part["entries"] for part in written.values())
        left_out = Counter(old.get("left_out") or {}) + Counter(row[3] for row in self.gone)
        left_out += Counter(reason for *_, reason, bad in unused if not bad)
        skipped = old["skipped"] + len(self.gone) + len(unused)
        return {**old, "labels": self.labels, "splits": written, "used": used, "skipped": skipped,
                "left_out": dict(left_out), "bad": old.get("bad", 0) + sum(row[4] for row in unused),
                "found": used + skipped, "mean_pixel": means, "std_pixel": deviations, "notes": self._notes(),
                "bytes": sum(files.folder_bytes(self.folder / f"{name}.lmdb") for name in written),
                "parent": {"id": self.parent.id, "name": self.parent.name}, "diff": self._diff()}

    def _notes(self) -> list[Json]:
        """The parent's notes and those on what was added; copies between splits are counted by the check."""
        counts = Counter({str(note["kind"]): int(note["count"]) for note in self.manifest.get("notes") or []})
        counts.update(self.additions.notes if self.additions else {})
        return [{"kind": kind, "count": count} for kind, count in sorted(counts.items())
                if not kind.startswith("also-in-train")]

    def _diff(self) -> Json:
        """How many pictures changed, in all and by class (classes without a change are left out)."""
        totals = {"removed": int(self.diff["removed"].sum()), "moved": int(self.diff["moved"].sum()),
                  "relabelled": int(self.diff["relabelled_to"].sum()), "added": int(self.diff["added"].sum())}
        rows = [{"class": label, **{kind: int(values[place]) for kind, values in self.diff.items()}}
                for place, label in enumerate(self.names) if any(values[place] for values in self.diff.values())]
        return {**totals, "per_class": rows}
