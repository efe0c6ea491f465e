"""Services on predictions: classify pictures now, or many of them as a job."""

import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

from digits_core import files, safe, views
from digits_core.data import pictures
from digits_core.data.pairs import listed
from digits_core.data.places import check_places
from digits_core.data.texts import TEXT
from digits_core.errors import BadData, DigitsError, InvalidOptions, NotFound, Problem
from digits_core.infer.client import InferenceClient
from digits_core.infer.inputs import read_input
from digits_core.infer.model_folder import ModelFolder
from digits_core.infer.options import COLORMAPS, METHODS, UPLOADED_LIST, BatchOptions, Method
from digits_core.infer.record_inputs import unknown_labels
from digits_core.infer.results import BatchPage, Only, Results, csv_lines, json_lines
from digits_core.jobs.model import Job, Kind, Status
from digits_core.jobs.store import JobView
from digits_core.options import check
from digits_core.services.access import authorize
from digits_core.services.datasets import manifest
from digits_core.services.jobs import checked_name, of_kind, together
from digits_core.services.models import find_checkpoint
from digits_core.services.workspace import Workspace
from digits_core.tasks import Task, task

Json = dict[str, Any]
Image = tuple[str, bytes]


def classify(workspace: Workspace, user: str, model_id: str, images: Sequence[Image], checkpoint: str = "best",
             top: int = 5, whole: bool = False) -> list[Json]:
    """What a model says about pictures, in their order.

    Each answer is {"image", "latency_ms"} with what the task's answerer tells (digits_core.infer.answers); a
    classifier's is "predictions": [{"label", "probability"}], best label first, probability 0..1. A picture that cannot
    be read says why in "error"; when none can be read, BadData is raised. ``checkpoint`` is best, last or an epoch.
    ``whole``: pictures keep their size, which models can bear that answer about places.
    """
    view = of_kind(workspace, model_id, Kind.MODEL, Kind.PRETRAINED)
    authorize(user, "predict", view)
    if not images:
        raise BadData("No picture was given. Upload one, or give a server path or an http(s) address.")
    row = find_checkpoint(view, checkpoint)
    answers = InferenceClient(workspace.settings).classify(view.id, str(row["file"]), images, top, whole=whole)
    failed = [f"{answer['image']} {answer['error']}." for answer in answers if "error" in answer]
    if len(failed) == len(answers):
        raise BadData(" ".join(failed[:5]))
    return answers


def panels(workspace: Workspace, model_id: str, image: Image, answer: Json, options: Json,
           view: str = "") -> list[views.Panel]:
    """What a view makes of an answer of ``classify``: pictures, tables, bars, text; empty: the task's own view.

    ``options`` are the view's own. Raises InvalidOptions for a view or an option that there is not.
    """
    if answer.get("error"):
        return [views.Text(str(answer["error"]))]
    known = model_views(workspace, model_id)
    if view and view not in known:
        raise InvalidOptions([Problem("view", f"There is no view {view[:60]!r}; there are {', '.join(known)}.")])
    model = ModelFolder.read(workspace.store.get(model_id).folder.path)
    try:
        looked_at = model.shown(image[1], image[0])
    except BadData:  # a record of a dataset as a plain picture, whatever depth the model wants
        looked_at = pictures.decode(image[1], image[0]).image.convert("RGB")
    return views.panels(known[view or next(iter(known))], looked_at, answer, options)


def model_views(workspace: Workspace, model_id: str) -> dict[str, Any]:
    """By name, the views that can show the answers of a model; its task's own is the first."""
    kind = task(of_kind(workspace, model_id, Kind.MODEL, Kind.PRETRAINED).job.task)
    return views.views(kind.name, kind.view)


def look(workspace: Workspace, user: str, model_id: str, image: Image, checkpoint: str = "best", top: int = 5,
         layers: bool = True, methods: Sequence[str] = (), label: str = "", colormap: str = "jet") -> Json:
    """Classify one picture and look inside the network: {"row", "parameters", "layers", "explanations", "explained"}.

    ``row`` is the answer of ``classify``. ``layers``: input, weights and activations in the order of the calculation,
    each with name, kind, type, parameters, shape, mean, std, histogram and picture (PNG in base64, "" where none is
    shown). ``explanations``: for each of ``methods`` the picture with the evidence for ``label`` (empty: the best one).
    """
    view = of_kind(workspace, model_id, Kind.MODEL, Kind.PRETRAINED)
    authorize(user, "predict", view)
    problems = [Problem("methods", f"must be among {', '.join(METHODS)} (got {method!r})")
                for method in methods if method not in METHODS]
    if colormap not in COLORMAPS:
        problems.append(Problem("colormap", f"must be one of {', '.join(COLORMAPS)} (got {colormap!r})"))
    if label and label not in ModelFolder.read(view.folder.path).labels:
        problems.append(Problem("label", f"The model has no label {label[:60]!r}."))
    if problems:
        raise InvalidOptions(problems)
    row = find_checkpoint(view, checkpoint)
    return InferenceClient(workspace.settings).look(view.id, str(row["file"]), image, top, {
        "layers": layers, "methods": list(methods), "label": label, "colormap": colormap})


def load_images(workspace: Workspace, sources: Sequence[str]) -> list[Image]:
    """The bytes of pictures at server paths or http(s) addresses. Raises a DigitsError for the first it cannot get."""
    from digits_core.safe.fetch import safe_fetch  # an HTTP client is heavy, and most pages need none

    images, roots = [], workspace.settings.data_roots
    for text in sources:
        if safe.is_url(text):
            images.append((text, safe_fetch(text, workspace.settings.private_hosts)))
        else:
            images.append((text, _read(safe.safe_path(text, roots), roots)))
    return images


def load_texts(texts: Sequence[str]) -> list[Image]:
    """Texts as ``classify`` takes them."""
    return [(f"text {number}", text.encode()) for number, text in enumerate(texts, 1)]


def _read(path: Path, roots: Sequence[Path]) -> bytes:
    try:
        return read_input(str(path), path.parent, roots, ())
    except BadData as error:
        raise BadData(f"{path.name} {error}.") from None


def network_input(workspace: Workspace, user: str, model_id: str, image: Image) -> bytes:
    """A PNG of what the network gets to see of a picture: resized, in its colours, cropped."""
    view = of_kind(workspace, model_id, Kind.MODEL, Kind.PRETRAINED)
    authorize(user, "predict", view)
    model = ModelFolder.read(view.folder.path)
    if model.preprocessing.channels == TEXT:
        return pictures.image_png(model.shown(image[1], image[0]))
    return pictures.to_png(model.prepare(image[1], image[0]).pixels)


def shown_input(workspace: Workspace, model_id: str, image: Image) -> bytes:
    """A PNG of a picture, or of a text, in its own size: whatever the file's format, something that can be shown."""
    view = of_kind(workspace, model_id, Kind.MODEL, Kind.PRETRAINED)
    return pictures.image_png(ModelFolder.read(view.folder.path).shown(image[1], image[0]))


def create_batch(workspace: Workspace, user: str, model_id: str, name: str, options: Json, group: str = "",
                 uploads: Sequence[tuple[str, Path | bytes]] = (), list_upload: Path | bytes | None = None) -> JobView:
    """Check everything and put a batch classification into the queue.

    ``uploads`` are pictures as (client's file name, temporary file or bytes); ``list_upload`` is an uploaded text
    list, its relative paths start at the option ``image_folder``. Files are moved into the job. Raises
    InvalidOptions with every problem at its field.
    """
    authorize(user, "create")
    if list_upload is not None:
        options = {**options, "method": "text", "image_list": UPLOADED_LIST}
    elif uploads:
        options = {**options, "method": "upload"}
    name, checked = together(lambda: checked_name(name),
                             lambda: check(BatchOptions, options, workspace.settings.data_roots))
    check_places(checked, workspace.settings)
    values = checked.model_dump(mode="json")
    if values["method"] == "upload" and not uploads:
        raise InvalidOptions([Problem("uploads", "No picture was uploaded.")])
    try:
        view = of_kind(workspace, model_id, Kind.MODEL, Kind.PRETRAINED)
        row = find_checkpoint(view, values["checkpoint"])
    except DigitsError as error:
        raise InvalidOptions([Problem("model", str(error))]) from None
    if values["method"] not in methods_for(view):
        raise InvalidOptions([Problem("method", f"'{view.name}' answers about {_entries(view)}; choose one of "
                                                f"{', '.join(methods_for(view))}.")])
    needs: tuple[str, ...] = (view.id,) if view.status is Status.DONE else ()  # a model in training may be asked too
    needs += _dataset(workspace, view, values)
    job = Job(workspace.store.new_id(), Kind.INFERENCE, view.job.task, name, user, time.time(),
              {**values, "model": view.id, "checkpoint_file": row["file"]}, needs, group.strip())
    workspace.store.submit(job, lambda hidden: _fill(hidden, uploads, list_upload))
    return workspace.store.get(job.id)


def methods_for(model: JobView) -> list[str]:
    """Where a batch of this model may take its entries from: models that read texts take tables and datasets."""
    texts = not task(model.job.task).pictures
    return [method for method in get_args(Method) if method == "dataset" or (method == "texts") == texts]


def _entries(model: JobView) -> str:
    kind = task(model.job.task)
    return "pictures" if kind.pictures else kind.counted.lower()


def _dataset(workspace: Workspace, model: JobView, values: Json) -> tuple[str, ...]:
    """The dataset that is to be tested. Raises InvalidOptions when it is none, or does not suit the model."""
    if values["method"] != "dataset":
        return ()
    kind = task(model.job.task)
    if not (kind.names_labels or kind.judge):
        raise InvalidOptions([Problem("method", f"Models of the task {kind.title} cannot be tested on a dataset. "
                                                "Choose a folder or a list.")])
    try:
        view = of_kind(workspace, values["dataset"], Kind.DATASET)
        facts = manifest(view)
        problem = _unlike(kind, view, [str(label) for label in facts["labels"]],
                          list(ModelFolder.read(model.folder.path).labels))
        if values["split"] not in facts["splits"]:
            raise InvalidOptions([Problem("split", f"'{view.name}' has {', '.join(facts['splits'])}.")])
    except (NotFound, BadData) as error:
        problem = str(error)
    if problem:
        raise InvalidOptions([Problem("dataset", problem)])
    return (view.id,)


def _unlike(kind: Task, dataset: JobView, labels: list[str], known: list[str]) -> str:
    """Why a dataset does not suit a model, in words; "" when it does."""
    if dataset.job.task != kind.learns_from:
        return f"'{dataset.name}' is a dataset of {task(dataset.job.task).title}; the model needs one of {kind.title}."
    if not kind.judge:
        return unknown_labels(labels, known)
    return "" if labels == known else (f"The dataset has {listed(labels)}, the model {listed(known)}: they must be the "
                                       "same, in the same order.")


def _fill(hidden: Path, uploads: Sequence[tuple[str, Path | bytes]], list_upload: Path | bytes | None) -> None:
    if list_upload is not None:
        _put(list_upload, hidden / "list.txt")
    put_uploads(hidden, uploads)


def put_uploads(hidden: Path, uploads: Sequence[tuple[str, Path | bytes]]) -> None:
    """Move uploads into the folder of a job that is being made; their names beside them."""
    if uploads:
        (hidden / "upload").mkdir()
        for number, (_, source) in enumerate(uploads):
            _put(source, hidden / "upload" / f"{number:06d}")
        files.write_atomic(hidden / "uploads.json", {"names": [name for name, _ in uploads]})


def _put(source: Path | bytes, target: Path) -> None:
    if isinstance(source, bytes):
        target.write_bytes(source)
    else:
        shutil.move(source, target)


def batch_results(workspace: Workspace, job_id: str, offset: int = 0, limit: int = 50,
                  only: Only = "all") -> BatchPage:
    """Rows of a batch so far, ``limit`` from number ``offset`` on, of all, the wrong, or the failed pictures."""
    view = of_kind(workspace, job_id, Kind.INFERENCE)
    return Results(view.folder.path).page(offset, limit, only)


def batch_rows(workspace: Workspace, job_id: str, numbers: Sequence[int]) -> list[Json]:
    """The rows of these pictures of a batch. Raises NotFound when there is none for one of them."""
    return Results(of_kind(workspace, job_id, Kind.INFERENCE).folder.path).rows(numbers)


def batch_summary(workspace: Workspace, job_id: str) -> Json:
    """Key figures of a finished batch: pictures, failed, labelled, accuracy, top5, labels, confusion, per_class.

    Of a dataset's split, for other tasks than classification, under "report" what a training reports.
    """
    return files.read_json(of_kind(workspace, job_id, Kind.INFERENCE).folder.path / "summary.json") or {}


def batch_csv(workspace: Workspace, job_id: str) -> Iterator[bytes]:
    """The rows so far as CSV in pieces: path, truth, error, then label and probability of the most probable ones.

    Cells that a spreadsheet would run as a formula get an apostrophe in front.
    """
    view = of_kind(workspace, job_id, Kind.INFERENCE)
    top = view.job.options.get("top")
    return csv_lines(Results(view.folder.path), top if isinstance(top, int) else 5)


def batch_json(workspace: Workspace, job_id: str) -> Iterator[bytes]:
    """The rows so far as one JSON array in pieces: image, truth, error and predictions of each."""
    return json_lines(Results(of_kind(workspace, job_id, Kind.INFERENCE).folder.path))
