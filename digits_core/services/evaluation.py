"""Services on evaluations: how good a model is, on which pictures it is wrong, whose label is probably wrong.

An evaluation is what a training left of its own dataset (a model job with a split), or a batch whose true labels are
known ("test a dataset"). Everything is worked out from the predictions that were kept; no network is asked.
"""

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from digits_core.errors import DigitsError, InvalidOptions, NotFound, Problem
from digits_core.evaluate import compare as pairs
from digits_core.evaluate import curves as separation
from digits_core.evaluate import predictions as kept
from digits_core.evaluate.mislabelled import suspects
from digits_core.evaluate.predictions import Predictions
from digits_core.evaluate.report import report as made_report
from digits_core.infer.record_inputs import RecordSource
from digits_core.jobs.model import Kind
from digits_core.jobs.store import JobView
from digits_core.services import thumbnails as small
from digits_core.services.jobs import of_kind
from digits_core.services.workspace import Workspace

Json = dict[str, Any]
Show = Literal["mistakes", "cell", "top", "suspects"]
SPLITS = ("val", "test", "train")


class EvaluatedPage(NamedTuple):
    """Some pictures of an evaluation, and how many there are in all.

    A row is {"split", "index", "path", "truth", "predicted", "probability", "truth_probability", "source"}; those of
    ``suspects`` add "suggested", "margin" and "issue". ``index`` is the position in the split, or the batch's row.
    """

    rows: list[Json]
    total: int


def splits(view: JobView) -> list[str]:
    """The splits of which a job keeps predictions; [""] for a batch."""
    names = ("",) if view.job.kind is Kind.INFERENCE else SPLITS
    return [name for name in names if kept.predictions_file(view.folder.path, name).is_file()]


def predictions(workspace: Workspace, job_id: str, split: str = "") -> Predictions:
    """The predictions of a model on a split of its own dataset (validation when none is named), or of a batch."""
    view = of_kind(workspace, job_id, Kind.MODEL, Kind.PRETRAINED, Kind.INFERENCE)
    there = splits(view)
    if split and split not in SPLITS:
        raise NotFound(f"There is no split {split[:40]!r}; there are train, val and test.")
    name = "" if view.job.kind is Kind.INFERENCE else split or next(iter(there), "")
    if name not in there:
        raise NotFound(f"'{view.name}' has no evaluation{f' on {name}' if name else ''} (yet). It is written when a "
                       "training or a batch ends; test the model on a dataset to get one.")
    return kept.read(kept.predictions_file(view.folder.path, name))


def report(workspace: Workspace, job_id: str, split: str = "") -> Json:
    """Key figures with 95 % intervals, per class, confusion, calibration; see digits_core.evaluate.report."""
    return made_report(predictions(workspace, job_id, split))


def curves(workspace: Workspace, job_id: str, split: str = "", label: str = "") -> Json:
    """ROC and precision-recall of one class against all others, with the areas and their intervals."""
    found = predictions(workspace, job_id, split)
    part = found.take(found.known)
    number = class_number(found.labels, label or found.labels[0], "label")
    return {"label": found.labels[number], "complete": found.columns is None,
            **separation.one_class(part.truth == number, part.of_class(number))}


def compare(workspace: Workspace, first: str, second: str, split: str = "", other_split: str = "") -> Json:
    """Is the first model better than the second? McNemar's exact test on the same pictures."""
    one = predictions(workspace, first, split)
    return pairs.compare(one, predictions(workspace, second, other_split or split))


def comparable(workspace: Workspace, job_id: str, split: str = "") -> list[tuple[JobView, str]]:
    """Other evaluations, with their split, that seem to be of the same pictures: newest first."""
    source = predictions(workspace, job_id, split).source
    found = []
    for view in workspace.store.jobs():
        for name in splits(view) if view.job.kind in (Kind.MODEL, Kind.INFERENCE) else ():
            options = view.job.options
            dataset = options.get("dataset"), name or options.get("split")
            if (view.id, name) != (job_id, split) and dataset == (source.get("dataset"), source.get("split")):
                found.append((view, name))
    return found


def pictures(workspace: Workspace, job_id: str, split: str = "", show: Show = "mistakes", truth: str = "",
             predicted: str = "", offset: int = 0, limit: int = 50) -> EvaluatedPage:
    """Pictures of an evaluation, the most telling first.

    ``mistakes``: wrong answers, the most confident first. ``cell``: those with this truth and / or this prediction.
    ``top``: the best of class ``predicted`` by its probability, whatever the truth. ``suspects``: labels that are
    probably wrong (confident learning); without a split over training, validation and test pictures together.
    """
    if offset < 0 or not 0 < limit <= 1000:
        raise InvalidOptions([Problem("limit", "An offset from 0 and a limit from 1 to 1000 are needed.")])
    if show == "suspects":
        return _suspects(workspace, job_id, split, offset, limit)
    found = predictions(workspace, job_id, split)
    order = _chosen(found, show, truth, predicted)
    return EvaluatedPage([_row(job_id, found, number) for number in order[offset:offset + limit]], len(order))


def _chosen(found: Predictions, show: Show, truth: str, predicted: str) -> NDArray[np.int64]:
    if show == "top":
        return np.argsort(-found.of_class(class_number(found.labels, predicted or found.labels[0], "predicted")),
                          kind="stable")
    mask = found.known if show == "cell" else found.known & (found.truth != found.predicted)
    for name, label, values in (("truth", truth, found.truth), ("predicted", predicted, found.predicted)):
        if label:
            mask = mask & (values == class_number(found.labels, label, name))
    numbers = np.flatnonzero(mask)
    return numbers[np.argsort(-found.confidence[numbers], kind="stable")]


def _suspects(workspace: Workspace, job_id: str, split: str, offset: int, limit: int) -> EvaluatedPage:
    view = of_kind(workspace, job_id, Kind.MODEL, Kind.PRETRAINED, Kind.INFERENCE)
    names = [split] if split or view.job.kind is Kind.INFERENCE else splits(view) or [""]
    parts = [predictions(workspace, job_id, name) for name in names]
    found = [suspects(part) for part in parts]  # each split by itself: a network is surer of what it learned from
    which = np.concatenate([np.full(len(one.number), number) for number, one in enumerate(found)])
    number, suggested, issue, margin = (np.concatenate([one[k] for one in found]) for k in range(4))
    order = np.lexsort((margin, ~issue))
    rows = [{**_row(job_id, parts[which[i]], int(number[i])), "suggested": parts[0].labels[suggested[i]],
             "issue": bool(issue[i]), "margin": float(margin[i])} for i in order[offset:offset + limit]]
    return EvaluatedPage(rows, len(order))


def issues(workspace: Workspace, job_id: str, split: str = "") -> int:
    """How many labels are probably wrong, by confident learning."""
    view = of_kind(workspace, job_id, Kind.MODEL, Kind.PRETRAINED, Kind.INFERENCE)
    names = [split] if split or view.job.kind is Kind.INFERENCE else splits(view) or [""]
    return sum(int(suspects(predictions(workspace, job_id, name)).issue.sum()) for name in names)


def _row(job_id: str, found: Predictions, number: int) -> Json:
    label, own = int(found.truth[number]), float(found.truth_score[number])
    source = found.source
    index = int(found.index[number])
    record = RecordSource(str(source.get("dataset", "")), str(source.get("split", "")), index)
    return {"split": str(source.get("split", "")), "index": index, "path": found.paths[number],
            "truth": found.labels[label] if label >= 0 else None, "predicted": found.labels[found.predicted[number]],
            "probability": float(found.confidence[number]), "truth_probability": None if np.isnan(own) else own,
            "source": str(record) if source.get("dataset") else ""}


def class_number(labels: list[str], label: str, field: str) -> int:
    """The class with this name. Raises InvalidOptions at ``field`` when there is none."""
    if label not in labels:
        raise InvalidOptions([Problem(field, f"There is no class {label[:60]!r}.")])
    return labels.index(label)


def thumbnails(workspace: Workspace, job_id: str, rows: list[Json]) -> list[bytes | None]:
    """A PNG for each row of ``pictures``; None where the picture is gone."""
    view = of_kind(workspace, job_id, Kind.MODEL, Kind.PRETRAINED, Kind.INFERENCE)
    if view.job.kind is Kind.INFERENCE and not all(row.get("source") for row in rows):
        return small.thumbnails(workspace, job_id, [{"n": row.get("index")} for row in rows])
    try:
        known = small.record_pictures(workspace, [str(row.get("source", "")) for row in rows])
    except DigitsError:
        known = {}
    return [known.get(str(row.get("source", ""))) for row in rows]
