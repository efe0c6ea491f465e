"""Services on the pictures of answers: small ones for tables, and those that lie in datasets."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from digits_core import files, safe
from digits_core.data import pictures
from digits_core.data.reader import read_positions
from digits_core.errors import BadData, DigitsError
from digits_core.infer.inputs import read_input
from digits_core.infer.model_folder import ModelFolder
from digits_core.infer.record_inputs import RecordSource, parsed
from digits_core.infer.results import Results
from digits_core.jobs.model import Kind
from digits_core.services.jobs import of_kind
from digits_core.services.workspace import Workspace
from digits_core.tasks import tasks

Json = dict[str, Any]


def thumbnails(workspace: Workspace, job_id: str, rows: Sequence[Json], size: int = 96) -> list[bytes | None]:
    """A small PNG for each row of a page; None where the picture is on the web or cannot be read (any more).

    Only the rows' numbers are believed: where a picture is says the job's own file.
    """
    folder = of_kind(workspace, job_id, Kind.INFERENCE).folder.path
    results = Results(folder)
    sources = [_source(results, row.get("n")) for row in rows]
    known = record_pictures(workspace, [source for source in sources if parsed(source)])
    roots, model = workspace.settings.data_roots, _model_of(workspace, job_id)
    return [_small(known.get(source), size, None) if parsed(source)
            else _small(_file(folder, source, roots), size, model) for source in sources]


def _model_of(workspace: Workspace, job_id: str) -> ModelFolder | None:
    """The model of a batch; None when it is gone."""
    try:
        model = workspace.store.get(str(workspace.store.get(job_id).job.options.get("model")))
        return ModelFolder.read(model.folder.path)
    except DigitsError:
        return None


def record_pictures(workspace: Workspace, sources: Sequence[str]) -> dict[str, bytes]:
    """PNGs of dataset records (``record:ID/val/17``); without those that are gone or damaged."""
    wanted: dict[Path, list[RecordSource]] = {}
    for record in filter(None, map(parsed, sources)):
        wanted.setdefault(record.database(workspace.settings.jobs_dir), []).append(record)
    found: dict[str, bytes] = {}
    for database, records in wanted.items():
        try:
            facts = files.read_json(database.parent / "manifest.json") or {}
            kind = tasks().get(str(facts.get("task")))
            drawing = (kind.drawing, "", facts) if kind and not kind.pictures else None  # pictures: as they are
            items = read_positions(database, [record.position for record in records],
                                   drawing) if database.is_dir() else []
        except BadData:
            continue  # shown without a picture; the dataset's own page says what is wrong with it
        found |= {str(record): base64.b64decode(item["png"]) for record, item in zip(records, items, strict=False)}
    return found


def _source(results: Results, number: object) -> str:
    try:
        return str(results.row(number)["source"]) if isinstance(number, int) else ""
    except (DigitsError, KeyError):
        return ""


def _file(folder: Path, source: str, roots: Sequence[Path]) -> bytes | None:
    try:
        return read_input(source, folder, roots, ()) if source and not safe.is_url(source) else None
    except (DigitsError, OSError):
        return None


def _small(data: bytes | None, size: int, model: ModelFolder | None) -> bytes | None:
    if not data:
        return None
    try:
        image = model.shown(data, "picture") if model else pictures.decode(data, "picture").image.convert("RGB")
    except DigitsError:
        return None
    image.thumbnail((size, size))
    png = io.BytesIO()
    image.save(png, "PNG")
    return png.getvalue()
