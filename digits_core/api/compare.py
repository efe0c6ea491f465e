"""The route that compares trainings."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from digits_core.api.request import Space
from digits_core.services import compare

Json = dict[str, Any]

router = APIRouter(tags=["models"])


@router.get("/compare")
def compare_runs(space: Space,
                 runs: Annotated[str, Query(max_length=30_000, description="Ids with commas between.")] = "",
                 group: Annotated[str | None, Query(max_length=200, description="All trainings of this group.")] = None,
                 all_settings: bool = False, curves: bool = False) -> Json:
    """Settings that differ between trainings, best and final values, curves if asked; neither runs nor group: all."""
    ids = [part.strip() for part in runs.split(",") if part.strip()]
    return compare.describe(compare.compare(space, ids, group), all_settings, curves)
