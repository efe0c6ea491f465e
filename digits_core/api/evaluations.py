"""Routes on evaluations: of a model on the splits of its dataset, or of a batch with known labels."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from digits_core.api.once import once
from digits_core.api.request import Body, Key, Limit, Named, Offset, Space
from digits_core.services import evaluation, jobs, labels

Json = dict[str, Any]
Split = Annotated[Literal["", "train", "val", "test"], Query(description="Of a model: validation when empty.")]
Text = Annotated[str, Query(max_length=1000)]

router = APIRouter(prefix="/evaluations", tags=["evaluations"])


@router.get("/{job_id}")
def report(job_id: str, space: Space, split: Split = "") -> Json:
    """The report: key figures with 95 % intervals, per class, confusion, calibration, confidence thresholds."""
    return evaluation.report(space, job_id, split)


@router.get("/{job_id}/pictures")
def pictures(job_id: str, space: Space, split: Split = "",
             show: Literal["mistakes", "cell", "top", "suspects"] = "mistakes", truth: Text = "",
             predicted: Text = "", offset: Offset = 0, limit: Limit = 50) -> Json:
    """Pictures behind the figures: confident mistakes, a cell, the top of a class, labels that are probably wrong."""
    page = evaluation.pictures(space, job_id, split, show, truth, predicted, offset, limit)
    return {"rows": page.rows, "total": page.total}


@router.get("/{job_id}/curves")
def curves(job_id: str, space: Space, split: Split = "", label: Text = "") -> Json:
    """ROC and precision-recall of one class (the first when none is named) against all others."""
    return evaluation.curves(space, job_id, split, label)


@router.get("/{job_id}/compare")
def compare(job_id: str, space: Space, other: Annotated[str, Query(max_length=100)] = "", split: Split = "",
            other_split: Split = "") -> Json:
    """Is it better than the evaluation ``other`` of the same pictures? McNemar's exact test."""
    return evaluation.compare(space, job_id, other, split, other_split)


class LabelFix(Body):
    """What becomes of the labels that are probably wrong."""

    do: Annotated[Literal["relabel", "exclude"], Field(description="Give them the suggested class, or leave them out.")]
    split: Literal["", "train", "val", "test"] = ""
    first: Annotated[int, Field(ge=0, le=5_000_000, description="Only the most suspicious; 0: all.")] = 0
    name: Annotated[str, Field(max_length=200)] = ""


@router.post("/{job_id}/fix-labels", status_code=201)
def fix_labels(job_id: str, space: Space, user: Named, body: LabelFix, key: Key = "") -> Json:
    """Queue a new version of the dataset in which the labels that are probably wrong are changed or left out."""
    view = once(space, user, key, ["fix-labels", job_id, body.model_dump()], lambda place: labels.fix_labels(
        place, user, job_id, body.do, body.split, body.first, body.name))
    return jobs.describe(view)
