"""Routes on evaluations: of a model on the splits of its dataset, or of a batch with known labels."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from digits_core.api.request import Limit, Offset, Space
from digits_core.services import evaluation

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
