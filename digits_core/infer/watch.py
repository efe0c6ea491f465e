"""The worker that classifies every picture that arrives in a folder, until it is stopped.

A row is written for each picture with its place, size and time of change: after a restart these are known, so nothing
is done twice. A file that is written again under the same name is a new picture.
"""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from digits_core import files
from digits_core.errors import DigitsError
from digits_core.infer.batch import ask
from digits_core.infer.client import InferenceClient
from digits_core.infer.inputs import Input, Labels, find, read_input
from digits_core.infer.model_folder import ModelFolder
from digits_core.infer.results import Results
from digits_core.infer.score import score
from digits_core.jobs.context import Context
from digits_core.settings import Settings
from digits_core.tasks import task

Json = dict[str, Any]
LOOK_S = 0.5
SETTLE_S = 2.0
"""A file that did not change for so long is taken to be whole."""
PATIENCE_S = 30.0
"""One that cannot be read for so long without a change is given up."""
CHUNK = 16
BEFORE = "before.json"
Stamp = tuple[int, int]
"""Size in bytes, and time of the last change in nanoseconds."""


def run(context: Context) -> Json:
    """Watch until somebody stops it, or until ``limit`` pictures are done; returns pictures, failed and accuracy."""
    watch = Watch(context, Settings.load().model_copy(update={"jobs_dir": context.store.root}))
    try:
        watch.run()
    finally:
        figures = watch.summarise()
    return figures


class Seen(NamedTuple):
    """A file as it was when it was last looked at, since when it is so, and how long it must stay so."""

    stamp: Stamp
    since: float
    wait: float


class Arrivals:
    """Which files are new and whole. Knows no clock: it is told the time in seconds."""

    def __init__(self, known: dict[str, Stamp]) -> None:
        self.known = known
        self._waiting: dict[str, Seen] = {}

    def ready(self, found: Iterable[tuple[Input, Stamp]], now: float) -> list[tuple[Input, Stamp]]:
        """Those that are to be asked about, the oldest first; each must be told ``done`` or ``unreadable``."""
        waiting, whole = {}, []
        for entry, stamp in found:
            if self.known.get(entry.source) == stamp:
                continue
            seen = self._waiting.get(entry.source)
            if seen is None or seen.stamp != stamp:
                seen = Seen(stamp, now, SETTLE_S)
            waiting[entry.source] = seen
            if stamp[0] and now - seen.since >= seen.wait:
                whole.append((entry, stamp))
        self._waiting = waiting
        return sorted(whole, key=lambda pair: (pair[1][1], pair[0].source))

    def done(self, source: str, stamp: Stamp) -> None:
        """There is a row for it."""
        self.known[source] = stamp
        self._waiting.pop(source, None)

    def unreadable(self, source: str) -> bool:
        """Whether to give it up; otherwise it may be half-written by somebody slow, and is asked about once more."""
        seen = self._waiting[source]
        self._waiting[source] = seen._replace(wait=PATIENCE_S)
        return seen.wait >= PATIENCE_S

    @property
    def waiting(self) -> int:
        """How many files may not be whole yet."""
        return len(self._waiting)


class Watch:
    """One attempt at one folder."""

    def __init__(self, context: Context, settings: Settings) -> None:
        self.context, self.settings, self.options = context, settings, context.job.options
        self.folder = context.folder.path
        self.model = ModelFolder.read(context.store.folder(str(self.options["model"])).path)
        self.model.checkpoint(str(self.options["checkpoint_file"]))  # gone: said now
        self.labels = Labels(() if task(context.job.task).view else self.model.labels)
        self.results, self.client = Results(self.folder), InferenceClient(settings)
        self.count = self.results.mend(10**9)
        known = {str(row["source"]): _stamp(row["stamp"]) for row in self.results if "stamp" in row}
        self.arrivals = Arrivals(self._before() | known)

    def _before(self) -> dict[str, Stamp]:
        """What was there before the job began, and is not asked for."""
        if self.options.get("existing", True):
            return {}
        path = self.folder / BEFORE
        if not path.exists():
            files.write_atomic(path, {entry.source: stamp for entry, stamp in self._found()})
        return {source: _stamp(stamp) for source, stamp in (files.read_json(path) or {}).items()}

    def _found(self) -> Iterator[tuple[Input, Stamp]]:
        options = {**self.options, "method": "folder"}
        for entry in find(self.folder, options, self.labels, self.settings.data_roots):
            try:
                facts = Path(entry.source).stat()
            except OSError:
                continue  # gone again
            yield entry, (facts.st_size, facts.st_mtime_ns)

    def run(self) -> None:
        """Look, ask, wait, and so on; until ``limit`` pictures are done, or Stopped is raised."""
        limit, missing = self.options["limit"], ""
        self.context.log(f"Watching {self.options['folder']}; {self.count} pictures are done already")
        while limit is None or self.count < limit:
            self.context.check_stop()
            try:
                ready, missing = self.arrivals.ready(self._found(), time.monotonic()), ""
            except DigitsError as error:  # unmounted, perhaps: it may come back
                ready = []
                if not missing:
                    self.context.log(f"{error} Waiting for it.")
                missing = str(error)
            self._ask(ready if limit is None else ready[:limit - self.count])
            self.context.progress(self.count / limit if limit else 0.0, missing[:200] or "Watching", None, "images",
                                  pictures=self.count, waiting=self.arrivals.waiting)
            if not ready:
                time.sleep(LOOK_S)

    def _ask(self, ready: list[tuple[Input, Stamp]]) -> None:
        top = int(self.options.get("top", 5))
        for start in range(0, len(ready), CHUNK):
            self.context.check_stop()
            chunk = ready[start:start + CHUNK]
            data = [self._read(entry) for entry, _ in chunk]
            images = [(entry.image, part) for (entry, _), part in zip(chunk, data, strict=True)
                      if isinstance(part, bytes)]
            told = iter(ask(self.context, self.client, images, top) if images else [])
            answers = [next(told) if isinstance(part, bytes) else {"error": part} for part in data]
            for (entry, stamp), answer in zip(chunk, answers, strict=True):
                self._note(entry, stamp, answer)

    def _read(self, entry: Input) -> bytes | str:
        try:
            return read_input(entry.source, self.folder, self.settings.data_roots, ())
        except (DigitsError, OSError, ValueError) as error:
            return str(error)

    def _note(self, entry: Input, stamp: Stamp, answer: Json) -> None:
        if answer.get("error") and not self.arrivals.unreadable(entry.source):
            return
        told = {name: value for name, value in answer.items() if name not in ("image", "latency_ms")}
        note = {"note": entry.note} if entry.note else {}
        self.results.append([{"n": self.count, "image": entry.image, "source": entry.source, "truth": entry.truth,
                              "stamp": list(stamp), "time": time.time(), **note, **told}])
        self.arrivals.done(entry.source, stamp)
        self.count += 1

    def summarise(self) -> Json:
        """Write the key figures of what is there so far."""
        summary = score(self.results, self.model.labels)
        files.write_atomic(self.folder / "summary.json", summary)
        return {key: summary[key] for key in ("pictures", "failed", "labelled", "accuracy", "top5") if key in summary}


def _stamp(value: Any) -> Stamp:
    size, changed = value
    return int(size), int(changed)
