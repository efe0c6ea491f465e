"""The worker of a batch classification: a client of the same inference process that answers the pages."""

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from digits_core import files
from digits_core.data.places import Places
from digits_core.errors import BadData, DigitsError
from digits_core.evaluate.tested import report
from digits_core.infer import picture_map, record_inputs
from digits_core.infer.client import InferenceClient, InferenceDown
from digits_core.infer.features import Features
from digits_core.infer.inputs import FETCHED, FILE, Input, read_input, read_inputs, write_inputs
from digits_core.infer.model_folder import ModelFolder
from digits_core.infer.options import BatchOptions
from digits_core.infer.results import Results
from digits_core.infer.score import score
from digits_core.infer.scores import Scores
from digits_core.jobs.context import Context
from digits_core.options import fitting
from digits_core.safe.paths import printable
from digits_core.safe.places import is_s3
from digits_core.settings import Settings
from digits_core.tasks import task

Json = dict[str, Any]
CHUNK, CHUNK_BYTES = 32, 64_000_000
READERS = 8
"""Files and downloads read at the same time."""


def run(context: Context) -> Json:
    """Ask about every listed picture that has no row yet; returns pictures, failed and (with labels) accuracy."""
    settings = Settings.load().model_copy(update={"jobs_dir": context.store.root})
    options, folder = context.job.options, context.folder.path
    model = ModelFolder.read(context.store.folder(str(options["model"])).path)
    model.checkpoint(str(options["checkpoint_file"]))  # gone: said now, not after the list was made
    context.progress(0, "Listing pictures")
    labelled = task(context.job.task).names_labels
    total = write_inputs(folder, _here(context, settings), model.labels if labelled else (), settings.data_roots)
    if not total:
        raise BadData("There is no picture to classify: the folder or list holds none.")
    results = Results(folder)
    scores = Scores(folder, model.labels, int(options.get("top", 5)), total) if labelled else None
    finished = scores is None or ((folder / "predictions.npz").exists() and not scores.path.exists())
    features = Features(folder) if options.get("embeddings") else None
    done = results.mend(min(total if scores is None or finished else scores.count(),
                            total if features is None else len(features)))
    if scores is not None:
        scores.cut(done)
    if features is not None:
        features.cut(done)
    context.log(f"{total} pictures, {done} of them already classified")
    Batch(context, settings, InferenceClient(settings), results, scores, features).classify(done, total)
    context.progress(0.99 if features is None else 0.8, "Counting")
    if scores is not None and scores.path.exists():
        scores.publish(results, {"model": options["model"], "checkpoint": options["checkpoint_file"], **(
            {"dataset": options["dataset"], "split": options["split"]} if options["method"] == "dataset" else {})})
    if features is not None:
        picture_map.make(context)
    summary, measured = score(results, model.labels), _measured(context, results, model)
    files.write_atomic(folder / "summary.json", {**summary, **({"report": measured} if measured else {})})
    figures = {measure.name: measured[measure.name] for measure in task(context.job.task).measures if measured}
    return {**{key: summary[key] for key in ("pictures", "failed", "labelled", "accuracy", "top5") if key in summary},
            **figures}


def _here(context: Context, settings: Settings) -> Json:
    """The options, with a folder in S3 among the job's own files; when the list is written they are all there."""
    folder, options = context.folder.path, context.job.options
    if (folder / FILE).exists() or not is_s3(str(options.get("folder", ""))) or options["method"] != "folder":
        return options
    shutil.rmtree(folder / FETCHED, ignore_errors=True)
    places = Places(BatchOptions.model_validate(fitting(BatchOptions, options)), settings, folder / FETCHED, False)
    try:
        local, _ = places.local([], context, lambda key, *row: context.log(f"{printable(key)}: {row[-1]}"))
        return {**options, "folder": local.folder}
    finally:
        places.close()


def _measured(context: Context, results: Results, model: ModelFolder) -> Json:
    """The report that the task makes of a dataset's split, also kept where trainings keep theirs; nothing else."""
    options, judge = context.job.options, task(context.job.task).judge
    if options["method"] != "dataset" or not judge:
        return {}
    split = str(options["split"])
    records = record_inputs.opened(context.store.root, str(options["dataset"]), split)
    found = report(judge, results, records, list(model.labels), model.preprocessing.details)
    if found:
        folder = context.folder.path / "evaluation"
        folder.mkdir(exist_ok=True)
        files.write_atomic(folder / f"{split}.json", {
            "v": 1, "split": split, "time": time.time(), **found})
    return found


class Batch:
    """One attempt at the pictures that are left."""

    def __init__(self, context: Context, settings: Settings, client: InferenceClient, results: Results,
                 scores: Scores | None, features: Features | None) -> None:
        self.context, self.settings, self.client = context, settings, client
        self.results, self.scores, self.features = results, scores, features
        options = context.job.options
        self._held = (record_inputs.opened(context.store.root, str(options["dataset"]), str(options["split"]))
                      if options["method"] == "dataset" else None)  # stays open: LMDB opens no file twice at once

    def classify(self, done: int, total: int) -> None:
        """Chunk by chunk: read, ask, append; at most two chunks are in memory."""
        started, first, share = time.monotonic(), done, 0.99 if self.features is None else 0.8
        for chunk, data in self._read_ahead(done):
            self.context.check_stop()
            answers = self._answers(chunk, data)
            if self.features is not None:
                self.features.append(answers, total)
            if self.scores is not None:  # first: a row without its scores would have to be made again
                self.scores.append(answers)
            top = int(self.context.job.options.get("top", 5)) if self.scores is not None else None
            self.results.append(_row(n, entry, answer, top) for n, (entry, answer)
                                in enumerate(zip(chunk, answers, strict=True), done))
            done += len(chunk)
            rate = (done - first) / max(1e-6, time.monotonic() - started)
            self.context.progress(done / total * share, "Classifying", rate, "images", pictures=done, of=total)

    def _read_ahead(self, skip: int) -> Iterator[tuple[list[Input], list[bytes | str]]]:
        """Chunks with the bytes of their pictures (or why there are none); one more is read meanwhile."""
        inputs = read_inputs(self.context.folder.path, skip)
        with ThreadPoolExecutor(READERS, "reader") as pool:
            pending: tuple[list[Input], Any] | None = None
            for chunk in _chunks(inputs):
                reading = chunk, [pool.submit(self._read, entry) for entry in chunk]
                if pending:
                    yield pending[0], [future.result() for future in pending[1]]
                pending = reading
            if pending:
                yield pending[0], [future.result() for future in pending[1]]

    def _read(self, entry: Input) -> bytes | str:
        settings = self.settings
        try:
            return read_input(entry.source, self.context.folder.path, settings.data_roots, settings.private_hosts)
        except DigitsError as error:
            return str(error)
        except (OSError, ValueError) as error:
            return f"cannot be read: {error}"

    def _answers(self, chunk: list[Input], data: list[bytes | str]) -> list[Json]:
        """One answer per picture, in order; what could not be read has only an error."""
        images = [(entry.image, part) for entry, part in zip(chunk, data, strict=True) if isinstance(part, bytes)]
        found = iter(self._ask(images))
        return [next(found) if isinstance(part, bytes) else {"error": part} for part in data]

    def _ask(self, images: list[tuple[str, bytes]]) -> list[Json]:
        top = self.scores.top if self.scores is not None else int(self.context.job.options.get("top", 5))
        return ask(self.context, self.client, images, top, self.features is not None)


def ask(context: Context, client: InferenceClient, images: list[tuple[str, bytes]], top: int, embed: bool = False
        ) -> list[Json]:
    """The answers of the job's model. When the process dies over them, each picture is asked about alone.

    One may be a killer: that one has only an error.
    """
    options = context.job.options
    try:
        return client.classify(str(options["model"]), str(options["checkpoint_file"]), images, top, embed,
                               bool(options.get("whole")))
    except InferenceDown as error:
        context.log(str(error))
    client.status()  # raises when the process does not even start
    if len(images) == 1:
        return [{"error": "ended the inference process twice while it was classified"}]
    return [answer for image in images for answer in ask(context, client, [image], top, embed)]


def _chunks(inputs: Iterator[Input]) -> Iterator[list[Input]]:
    """So many pictures that their files stay small together; one that is large comes alone."""
    chunk: list[Input] = []
    size = 0
    for entry in inputs:
        more = _bytes(entry.source)
        if chunk and (len(chunk) == CHUNK or size + more > CHUNK_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(entry)
        size += more
    if chunk:
        yield chunk


def _bytes(source: str) -> int:
    try:
        return Path(source).stat().st_size
    except (OSError, ValueError):
        return CHUNK_BYTES // CHUNK  # an upload, an address, or gone


def _row(number: int, entry: Input, answer: Json, top: int | None) -> Json:
    told = {name: value for name, value in answer.items() if name not in ("image", "latency_ms", "features", "array")}
    row = {"n": number, "image": entry.image, "source": entry.source, "truth": entry.truth, **told,
           "predictions": answer.get("predictions", [])[:top]}
    extra = {"error": answer.get("error", ""), "note": entry.note}
    return {**row, **{key: value for key, value in extra.items() if value}}
