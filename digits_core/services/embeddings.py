"""Services on the features that a batch kept: its map of pictures, and the pictures most like one."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from digits_core.errors import BadState, InvalidOptions, Problem
from digits_core.evaluate import predictions
from digits_core.infer import picture_map
from digits_core.infer.features import Features
from digits_core.infer.results import Results, best_of, escaped
from digits_core.jobs.model import Kind, Status
from digits_core.jobs.store import JobView
from digits_core.services.inference import create_batch
from digits_core.services.jobs import of_kind
from digits_core.services.workspace import Workspace

Json = dict[str, Any]
NUMBERS = 1000
"""At most so many pictures are named as similar."""


class MapPage(NamedTuple):
    """A map: for each picture its row number, place, true and predicted class (-1: unknown); ``of`` pictures in all."""

    labels: list[str]
    rows: NDArray[np.int64]
    places: NDArray[np.float32]
    truth: NDArray[np.int32]
    predicted: NDArray[np.int32]
    of: int


def create_map(workspace: Workspace, user: str, model: str, dataset: str, split: str = "val", name: str = "",
               checkpoint: str = "best", limit: int | None = None) -> JobView:
    """Queue a test of a dataset's split that keeps features and makes the map; see inference.create_batch."""
    title = workspace.store.get(dataset).name if dataset in workspace.store.ids() else dataset
    return create_batch(workspace, user, model, name or f"Map of {title}, {split}"[:200], {
        "method": "dataset", "dataset": dataset, "split": split, "checkpoint": checkpoint, "limit": limit,
        "embeddings": True})


def maps_of(workspace: Workspace, dataset: str) -> list[JobView]:
    """Jobs that make or made a map of a dataset, newest first."""
    return [view for view in workspace.store.jobs(Kind.INFERENCE)
            if view.job.options.get("embeddings") and view.job.options.get("dataset") == dataset]


def _folder(workspace: Workspace, job_id: str) -> Path:
    view = of_kind(workspace, job_id, Kind.INFERENCE)
    if not view.job.options.get("embeddings"):
        raise BadState(f"'{view.name}' kept no features. Clone it and switch on 'Keep features and make a map'.")
    if view.status is not Status.DONE:
        raise BadState(f"The features of '{view.name}' are there when it is done; it is {view.status}.")
    return view.folder.path


def the_map(workspace: Workspace, job_id: str) -> MapPage:
    """The map of a finished batch. Raises BadState when it keeps none or is not done, BadData when it is damaged."""
    folder = _folder(workspace, job_id)
    made, said = picture_map.read(folder), predictions.read(predictions.predictions_file(folder, ""))
    place = np.searchsorted(said.index, made.rows).clip(0, max(0, len(said) - 1))
    return MapPage(said.labels, made.rows, made.places, said.truth[place], said.predicted[place], made.of)


def describe_map(workspace: Workspace, job_id: str) -> Json:
    """The same as plain JSON."""
    page = the_map(workspace, job_id)
    return {"labels": page.labels, "of": page.of, "points": [
        {"row": int(row), "x": float(x), "y": float(y), "truth": page.labels[t] if t >= 0 else None,
         "predicted": page.labels[p]} for row, (x, y), t, p in
        zip(page.rows, page.places, page.truth, page.predicted, strict=True)]}


def similar(workspace: Workspace, job_id: str, row: int, limit: int = 20) -> list[Json]:
    """The pictures of a batch most like the one in ``row``, best first: their rows with ``similarity`` (a cosine)."""
    if not 1 <= limit <= NUMBERS:
        raise InvalidOptions([Problem("limit", f"A number from 1 to {NUMBERS} is needed (got {limit}).")])
    folder = _folder(workspace, job_id)
    found = Features(folder).similar(row, limit)
    rows = Results(folder).rows([number for number, _ in found])
    return [{**row, "similarity": cosine} for row, (_, cosine) in zip(rows, found, strict=True)]


def pictures(workspace: Workspace, job_id: str, numbers: list[int]) -> list[Json]:
    """The rows of these pictures."""
    return Results(_folder(workspace, job_id)).rows(numbers)


def as_npz(workspace: Workspace, job_id: str, target: Path) -> None:
    """Write features (N, D), paths, truth, predicted, and place on the map (NaN: not on it) as arrays of NumPy."""
    folder = _folder(workspace, job_id)
    features, places = Features(folder), _places(folder)
    found = [_facts(row) for row in Results(folder)]
    with target.open("wb") as file:
        np.savez_compressed(file, features=features.rows(np.arange(len(features))), places=places,
                            path=_words(found, "path"), truth=_words(found, "truth"),
                            predicted=_words(found, "predicted"))


def _words(found: list[dict[str, str]], name: str) -> NDArray[np.str_]:
    return np.array([facts[name] for facts in found], np.str_)


def as_csv(workspace: Workspace, job_id: str) -> Iterator[bytes]:
    """The same as CSV in pieces: path, truth, predicted, x, y, and a column for each feature."""
    folder = _folder(workspace, job_id)  # now, not when the first piece is asked for: an answer has begun by then
    return _csv(Features(folder), _places(folder), Results(folder))


def _csv(features: Features, places: NDArray[np.float32], results: Results) -> Iterator[bytes]:
    rows = iter(results)
    header = ["path", "truth", "predicted", "x", "y", *(f"f{number}" for number in range(features.size))]
    yield (",".join(header) + "\n").encode()
    for start, block in features.blocks():
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        for number, (numbers, row) in enumerate(zip(block, rows, strict=False), start):
            cells = [*map(escaped, _facts(row).values()), *(f"{value:.5g}" for value in (*places[number], *numbers))]
            writer.writerow(["" if cell == "nan" else cell for cell in cells])
        yield buffer.getvalue().encode("utf-8", "backslashreplace")


def _places(folder: Path) -> NDArray[np.float32]:
    made = picture_map.read(folder)
    places = np.full((len(Features(folder)), 2), np.nan, np.float32)
    places[made.rows] = made.places
    return places


def _facts(row: Json) -> dict[str, str]:
    best = best_of(row)
    return {"path": str(row.get("image", "")), "truth": str(row.get("truth") or ""),
            "predicted": str(best[0]["label"]) if best else ""}
