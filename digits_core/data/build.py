"""Builds a dataset: look for pictures, divide them, decode them side by side, write one database a split."""

import io
import os
import shutil
import time
from array import array
from collections import Counter
from pkgutil import resolve_name
from typing import Any

import numpy as np

from digits_core import files
from digits_core.data import depth, index, version
from digits_core.data.depth import Depth
from digits_core.data.pictures import to_png
from digits_core.data.places import Places
from digits_core.data.plan import SPLITS, Part, Plan, divide, estimate_bytes
from digits_core.data.planes import ALL
from digits_core.data.pool import Outcome, Pool
from digits_core.data.recipe import Recipe
from digits_core.data.records import RecordWriter
from digits_core.data.skipped import SkipLog
from digits_core.data.sources import Scan, Source
from digits_core.data.statistics import Statistics
from digits_core.data.video_options import Take
from digits_core.errors import BadData
from digits_core.jobs.context import Context
from digits_core.options import option_fields
from digits_core.safe.paths import printable
from digits_core.settings import Settings
from digits_core.tasks import task

Json = dict[str, Any]
RESERVE = 64_000_000
"""Bytes that must stay free on the disk."""
REMOTE_PROCESSES = 8
"""Downloads wait for the network more than for the processor."""


def run(context: Context) -> Json:
    """Entry of the worker: build the dataset of the job and return its key figures."""
    if context.job.options.get("parent"):
        return version.run(context)
    build = Build(context, Settings.load())
    try:
        return build.run()
    finally:
        build.close()


class Build:
    """One attempt to build one dataset; whatever an earlier attempt left is removed first."""

    def __init__(self, context: Context, settings: Settings) -> None:
        self.context, self.settings, self.folder = context, settings, context.folder.path
        given = dict(context.job.options)
        kind = task(given.pop("extension", context.job.task))
        self.options: Any = kind.dataset_options.model_validate(given)
        self.kind, self.find = kind, resolve_name(kind.source)
        self.staging = self.folder / ".staging"
        self.places = Places(self.options, settings, self.staging / "s3", kind.streams)
        self._clean()
        self.skipped = SkipLog(self.folder / "skipped.csv")
        self.notes: Counter[str] = Counter()
        self.prints: dict[str, array[int]] = {}
        self.target: list[int] = []
        """The largest target so far, along each dimension."""
        self.content: dict[str, bytearray] = {}
        """Of each split, where targets have classes: whether each class is on each picture."""
        self.details: Json = {}
        self.found = self.tried = self.done = 0
        self.started = time.monotonic()

    def _clean(self) -> None:
        """Start from nothing: a half-built database must never be mistaken for a whole one."""
        for name in ("manifest.json", "skipped.csv", "labels.txt", "mean.npy", "mean.png"):
            (self.folder / name).unlink(missing_ok=True)
        for folder in (self.staging, *(self.folder / f"{name}.lmdb" for name in SPLITS)):
            shutil.rmtree(folder, ignore_errors=True)
        self.staging.mkdir()

    def close(self) -> None:
        """Keep the list of skipped pictures, whatever happened; remove temporary files."""
        self.places.close()
        self.skipped.close()
        shutil.rmtree(self.staging, ignore_errors=True)

    def run(self) -> Json:
        """Scan, divide, write, and only then the manifest that makes the dataset usable."""
        source = self._scan()
        bad = self.skipped.bad
        plan = divide(source, self.options, self.skipped.leave_out)
        self.tried = plan.pictures + bad
        self._judge()
        recipe = self._recipe(source)
        self._require_room(plan, recipe)
        statistics = Statistics((recipe.depth, recipe.height, recipe.width), recipe.channels == ALL)
        self.started = time.monotonic()
        with Pool(recipe, REMOTE_PROCESSES if source.remote else None, self.context.check_stop) as pool:
            written = {name: self._write(name, part, plan, pool, statistics if name == "train" else None)
                       for name, part in plan.parts.items()}
        self._require_examples(source, written.get("train", {"entries": 0, "per_class": []}))
        return self._finish(plan, written, recipe, statistics)

    def _require_examples(self, source: Source, train: Json) -> None:
        if source.classified and sum(count > 0 for count in train["per_class"]) < 2:
            raise BadData("Fewer than two classes have pictures that can be read: "
                          + "; ".join(self.skipped.first) + ". The whole list is below.")
        if not train["entries"]:
            raise BadData("No picture can be read: " + "; ".join(self.skipped.first) + ". The whole list is below.")

    def _scan(self) -> Source:
        last = 0.0

        def tick() -> None:
            nonlocal last
            if time.monotonic() - last > 0.3:
                last = time.monotonic()
                self.context.check_stop()
                self.context.progress(0.0, _looking(scan))

        roots = self.settings.data_roots and [*self.settings.data_roots, self.folder.parent / ".demo"]
        options, roots = self.places.local(roots, self.context, self.skipped.add)
        scan = Scan(self.staging, self.folder, roots, self.settings.private_hosts,
                    self.skipped.add, lambda kind, count: self.notes.update({kind: count}), tick,
                    take=Take.of(self.options))
        source: Source = self.find(options, roots, scan)
        if roots and scan.videos:
            source.roots.append(self.staging)
        self._tell_videos(scan)
        count = sum(len(entries) for entries in source.splits.values())
        self.found = count + self.skipped.count
        self.context.log(f"Found {self.found} pictures of {len(source.labels)} classes.")
        if not len(source.splits["train"]):
            raise BadData(f"No pictures were found to train on. {'Each class' if source.classified else 'The'} folder "
                          "must hold picture files (png, jpg, bmp, ppm, pgm, gif, webp, tif).")
        return source

    def _tell_videos(self, scan: Scan) -> None:
        for path, video in scan.videos.items():
            self.context.log(f"{printable(path)}: {video.pictures} of {video.frames} frames in {video.seconds:.1f} s"
                             + (f", {video.damaged} damaged parts left out." if video.damaged else "."))
        if damaged := sum(video.pictures for video in scan.videos.values() if video.damaged):
            self.notes["damaged-videos"] = damaged

    def _require_room(self, plan: Plan, recipe: Recipe) -> None:
        need, free = estimate_bytes(recipe.stored, recipe.pixels, plan.pictures), files.free_bytes(self.folder)
        if need + RESERVE > free:
            raise files.DiskFull(f"The dataset needs about {need / 1e6:.0f} MB for {plan.pictures} pictures, and "
                                 f"{free / 1e6:.0f} MB are free in {self.folder.parent}. Free some space, make the "
                                 "pictures smaller, or choose JPEG.")

    def _recipe(self, source: Source) -> Recipe:
        chosen = self.options
        roots, self.details = [os.path.realpath(root) for root in source.roots], source.more
        width, height = source.size or (0, 0)
        planes, span = self._depth(source)
        if not source.exact:
            width, height = chosen.width or width, chosen.height or height
        return Recipe(chosen.channels, width, height,
                      source.resize_mode or chosen.resize_mode, chosen.encoding, chosen.jpeg_quality, roots,
                      list(self.settings.private_hosts), 180.0 if source.remote else 30.0, self.kind.example,
                      planes, span, source.more)

    def _depth(self, source: Source) -> Depth:
        if self.options.channels != ALL:
            return Depth(0, (0.0, 255.0))
        found = source.depth or depth.look(source.splits["train"], source.roots, self.settings.private_hosts)
        self.context.log(f"The pictures have {found.planes} channels with values from {found.span[0]:g} to "
                         f"{found.span[1]:g}.")
        return found

    def _write(self, name: str, part: Part, plan: Plan, pool: Pool, statistics: Statistics | None) -> Json:
        per_class, size, entries = [0] * len(plan.labels), 0, 0
        prints, content = self.prints.setdefault(name, array("Q")), self.content.setdefault(name, bytearray())
        with RecordWriter(self.folder / f"{name}.lmdb") as writer:
            for outcome in pool.outcomes(self.places.ahead(part.items()), statistics):
                self.places.release(outcome.item.location)
                self._report(name, plan)
                if outcome.record is None:
                    self._skip(outcome, name, plan)
                    continue
                writer.put(outcome.record)
                entries += 1
                self._count(per_class, outcome)
                if outcome.shape:
                    known = len(outcome.counts) == len(per_class)
                    content += bytes(count > 0 for count in outcome.counts) if known else bytes(len(per_class))
                size += len(outcome.record)
                prints.append(outcome.fingerprint)
                self.notes.update(outcome.notes)
        self.context.log(f"{name}: {entries} pictures in {size / 1e6:.1f} MB, "
                         f"{self._rate():.0f} pictures/s so far, {self.skipped.bad} bad.")
        return {"entries": entries, "per_class": per_class, "bytes": size}

    def _count(self, per_class: list[int], outcome: Outcome) -> None:
        """What the picture holds of each class: itself, or the pixels or boxes of its target."""
        if not outcome.shape:
            per_class[outcome.item.label] += 1
            return
        for number, count in enumerate(outcome.counts):
            per_class[number] += count
        self.target = [max(pair) for pair in zip(self.target or outcome.shape, outcome.shape, strict=True)]

    def _rate(self) -> float:
        return self.done / max(1e-3, time.monotonic() - self.started)

    def _report(self, name: str, plan: Plan) -> None:
        self.done += 1
        if self.done % 16 == 0:
            self.context.progress(0.99 * self.done / plan.pictures, f"Reading {name} pictures", self._rate(),
                                  skipped=self.skipped.count)

    def _skip(self, outcome: Outcome, name: str, plan: Plan) -> None:
        self.skipped.add(outcome.item.name, name, plan.name(outcome.item.label), outcome.reason)
        self._judge()

    def _judge(self) -> None:
        """Stop as soon as it is certain that more pictures are bad than allowed."""
        bad, allowed = self.skipped.bad, self.options.bad_percent
        if bad > allowed / 100 * self.tried:
            raise BadData(f"{bad} of {self.tried} pictures cannot be used, more than the {allowed:g} % allowed: "
                          + "; ".join(self.skipped.first) + ". The whole list is below. Repair or remove them, or "
                          "allow more.")

    def _finish(self, plan: Plan, written: Json, recipe: Recipe, statistics: Statistics) -> Json:
        """Labels, mean, and last the manifest; the figures of the job."""
        self._note_repeats()
        self._note_undivided(plan, written)
        for name in written:
            content = np.frombuffer(self.content[name], bool).reshape(-1, len(plan.labels))
            index.write(self.folder / f"{name}.lmdb", content if content.any() else None)
        mean = statistics.mean() if self.kind.pictures else np.zeros(statistics.shape, np.float32)
        buffer = io.BytesIO()
        np.save(buffer, mean, allow_pickle=False)
        files.write_atomic(self.folder / "mean.npy", buffer.getvalue())
        files.write_atomic(self.folder / "mean.png", to_png(mean))
        files.write_atomic(self.folder / "labels.txt", "".join(f"{label}\n" for label in plan.labels))
        self.skipped.close()
        used = sum(part["entries"] for part in written.values())
        if used + self.skipped.count != self.found:
            raise RuntimeError(f"{self.found} pictures were found, but {used} used and {self.skipped.count} skipped")
        means, deviations = statistics.pixel() if self.kind.pictures else ([0.0], [1.0])
        size = sum(files.folder_bytes(self.folder / f"{name}.lmdb") for name in written)
        manifest = {
            "v": 1, "complete": True, "task": self.context.job.task, "shape": list(statistics.shape),
            "channels": recipe.channels, "resize_mode": recipe.resize_mode, "encoding": recipe.stored,
            "labels": plan.labels, "splits": written, **self._target(),
            **({"span": list(recipe.span)} if recipe.channels == ALL else {}), "found": self.found, "used": used,
            "skipped": self.skipped.count, "bad": self.skipped.bad, "left_out": dict(self.skipped.kinds),
            "mean_pixel": means, "std_pixel": deviations, "bytes": size,
            "notes": [{"kind": kind, "count": count} for kind, count in sorted(self.notes.items())],
            "seed": self.options.seed, "source": self._source()}
        files.write_atomic(self.folder / "manifest.json", manifest)
        self.context.progress(1.0, "Done", self._rate())
        return {"classes": len(plan.labels), "pictures": used, "skipped": self.skipped.count, "bytes": size,
                **{name: written.get(name, {"entries": 0})["entries"] for name in SPLITS}}

    def _target(self) -> Json:
        if not self.target:
            return {"details": self.details} if self.details else {}
        dtype = self.kind.target
        if dtype == "pixels":
            dtype = "float32" if self.options.channels == ALL else "uint8"
        return {"target": {"shape": self.target, "dtype": dtype}, "details": self.details,
                "content": any(map(any, self.content.values()))}

    def _source(self) -> Json:
        chosen = self.options.model_dump(mode="json")
        names = [field.name for field in option_fields(type(self.options)) if field.kind in ("folder", "path")]
        return {name: chosen[name] for name in ("method", *names) if chosen.get(name)}

    def _note_undivided(self, plan: Plan, written: Json) -> None:
        """Tell of classes that are in training only, because their pictures belong together."""
        if plan.classified and "val" in written:
            pairs = zip(written["train"]["per_class"], written["val"]["per_class"], strict=True)
            if alone := sum(train for train, val in pairs if not val):
                self.notes["not-in-val"] = alone

    def _note_repeats(self) -> None:
        """Warn about pictures that are in training and in another split: they make accuracies too good."""
        train = np.unique(np.frombuffer(self.prints["train"], np.uint64))
        for name, prints in self.prints.items():
            if name != "train" and len(prints):
                repeats = int(np.isin(np.frombuffer(prints, np.uint64), train).sum())
                if repeats:
                    self.notes[f"also-in-train-{name}"] = repeats


def _looking(scan: Scan) -> str:
    """What a scan is doing, in words."""
    if not scan.known_as:
        return "Looking for pictures"
    return f"Taking frames of videos, {len(scan.videos)} done"
