"""Builds a version of a dataset: its parent's records with a list of edits, without reading the sources again."""

import csv
import io
import shutil
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digits_core import files
from digits_core.data import index
from digits_core.data.edits import SPLITS, Edits
from digits_core.data.pictures import to_png
from digits_core.data.records import Records, RecordWriter, relabelled, unpack_record
from digits_core.data.statistics import Statistics
from digits_core.errors import BadData
from digits_core.jobs.context import Context

Json = dict[str, Any]
RESERVE = 64_000_000
EDITS_FILE = "edits.json"
EXCLUDED = "left out in this version"


def run(context: Context) -> Json:
    """Entry of the worker for a dataset job that has a parent; returns its key figures."""
    return Version(context).run()


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
        self.labels: list[str] = self.manifest["labels"]
        self.old = {name: view.folder.path / f"{name}.lmdb" for name in SPLITS if name in self.manifest["splits"]}
        self.counts = {name: np.zeros(len(self.labels), np.int64) for name in SPLITS}
        self.bytes: Counter[str] = Counter()
        self.gone: list[tuple[str, str, str, str]] = []
        self.diff = {kind: np.zeros(len(self.labels), np.int64) for kind in
                     ("removed", "relabelled_from", "relabelled_to", "moved")}
        self.statistics = self._parents_statistics()
        self._clean()

    def _clean(self) -> None:
        for name in ("manifest.json", "skipped.csv", "labels.txt", "mean.npy", "mean.png"):
            (self.folder / name).unlink(missing_ok=True)
        for name in SPLITS:
            shutil.rmtree(self.folder / f"{name}.lmdb", ignore_errors=True)

    def run(self) -> Json:
        """Write every split, judge what is left, and only then the manifest that makes the version usable."""
        need, free = int(self.manifest["bytes"]), files.free_bytes(self.folder)
        if need + RESERVE > free:
            raise files.DiskFull(f"The version needs about {need / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free in "
                                 f"{self.folder.parent}. Free some space, then resume.")
        moving = {source: set(moves) for source, moves in self.edits.moved.items()}
        done, total = 0, max(1, sum(part["entries"] for part in self.manifest["splits"].values()))
        for name in SPLITS:
            if not any(True for _ in self._sources(name, moving)):
                continue
            with RecordWriter(self.folder / f"{name}.lmdb") as writer:
                for source, place, value in self._values(name, moving):
                    writer.put(self._edited(source, place, name, value))
                    done += 1
                    if done % 256 == 0:
                        self.context.check_stop()
                        self.context.progress(0.99 * done / total, f"Writing {name} pictures")
        return self._finish()

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
            value = relabelled(value, label)
        if source != target:
            self.diff["moved"][label] += 1
            self._pixels(record.pixels(), (target == "train") - (source == "train"))
        self.counts[target][label] += 1
        self.bytes[target] += len(value)
        return value

    def _parents_statistics(self) -> Statistics:
        """Sums over the parent's training pictures, back from its mean and spread."""
        channels, height, width = self.manifest["shape"]
        statistics = Statistics((channels, height, width))
        try:
            mean: NDArray[Any] = np.load(self.parent.folder.path / "mean.npy", allow_pickle=False)
            count = int(self.manifest["splits"]["train"]["entries"])
            statistics.total = np.rint(mean.reshape(statistics.shape).astype(np.float64) * count).astype(np.uint64)
        except (OSError, ValueError, KeyError) as error:
            raise BadData(f"The mean of the dataset it is made from cannot be read: {error}.") from None
        statistics.count = count
        pixels = count * height * width
        statistics.squares = [round((spread * spread + middle * middle) * pixels) for middle, spread in
                              zip(self.manifest["mean_pixel"], self.manifest["std_pixel"], strict=True)]
        return statistics

    def _pixels(self, pixels: NDArray[np.uint8], sign: int) -> None:
        """Put a picture into the training sums, or take it out."""
        if sign:
            self.statistics.change(pixels, sign)

    def _leave_out(self) -> None:
        """Count and list what is excluded; training pictures leave the sums."""
        for name, places in self.edits.excluded.items():
            for record in Records(self.old[name]).records(sorted(places)):
                self.diff["removed"][record.label] += 1
                self.gone.append((record.path, name, self.labels[record.label], EXCLUDED))
                self._pixels(record.pixels(), -(name == "train"))

    def _finish(self) -> Json:
        self._leave_out()
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
        files.write_atomic(self.folder / "mean.png", to_png(np.rint(mean).clip(0, 255).astype(np.uint8)))

    def _write_skipped(self) -> None:
        """The parent's list, byte for byte, and what this version leaves out."""
        old = self.parent.folder.path / "skipped.csv"
        text = io.StringIO(newline="")
        csv.writer(text).writerows(self.gone)
        start = old.read_bytes() if old.exists() else b"path,split,class,reason\r\n"
        files.write_atomic(self.folder / "skipped.csv", start + text.getvalue().encode("utf-8", "surrogateescape"))

    def _manifest(self, written: Json) -> Json:
        old, gone = self.manifest, len(self.gone)
        means, deviations = self.statistics.pixel()
        used = sum(part["entries"] for part in written.values())
        left_out = Counter(old.get("left_out") or {}) + Counter({EXCLUDED: gone})
        notes = [note for note in old.get("notes") or [] if not str(note.get("kind")).startswith("also-in-train")]
        return {**old, "splits": written, "used": used, "skipped": old["skipped"] + gone, "left_out": dict(left_out),
                "found": used + old["skipped"] + gone, "mean_pixel": means, "std_pixel": deviations, "notes": notes,
                "bytes": sum(files.folder_bytes(self.folder / f"{name}.lmdb") for name in written),
                "parent": {"id": self.parent.id, "name": self.parent.name}, "diff": self._diff()}

    def _diff(self) -> Json:
        """How many pictures changed, in all and by class (classes without a change are left out)."""
        totals = {"removed": int(self.diff["removed"].sum()), "moved": int(self.diff["moved"].sum()),
                  "relabelled": int(self.diff["relabelled_to"].sum()), "added": 0}
        rows = [{"class": label, **{kind: int(values[place]) for kind, values in self.diff.items()}}
                for place, label in enumerate(self.labels) if any(values[place] for values in self.diff.values())]
        return {**totals, "per_class": rows}
