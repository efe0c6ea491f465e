"""Routes on what a batch kept of each picture: its map, the pictures most like one, and the features themselves."""

import tempfile
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response, StreamingResponse

from digits_core.api.described import binary
from digits_core.api.request import Space
from digits_core.services import embeddings

Json = dict[str, Any]
Row = Annotated[int, Query(ge=0, le=2**53, description="Number of the picture among the batch's rows, from 0.")]

router = APIRouter(tags=["inference"])


@router.get("/inferences/{job_id}/map")
def the_map(job_id: str, space: Space) -> Json:
    """The pictures on a plane, alike ones near each other; at most 10,000, `of` counts all that have features."""
    return embeddings.describe_map(space, job_id)


@router.get("/inferences/{job_id}/similar")
def similar(job_id: str, space: Space, row: Row = 0, limit: Annotated[int, Query(ge=1, le=1000)] = 20) -> Json:
    """The pictures most like one, best first, each with the cosine between their features as `similarity`."""
    return {"items": embeddings.similar(space, job_id, row, limit)}


@router.get("/inferences/{job_id}/features.csv", response_class=Response, responses=binary("text/csv"))
def features_csv(job_id: str, space: Space) -> Response:
    """Path, truth, predicted class, place on the map and features of every picture as CSV."""
    return StreamingResponse(embeddings.as_csv(space, job_id), media_type="text/csv", headers={
        "Content-Disposition": f'attachment; filename="{job_id}-features.csv"'})


@router.get("/inferences/{job_id}/features.npz", response_class=FileResponse, responses=binary())
def features_npz(job_id: str, space: Space) -> Response:
    """The same as arrays of NumPy: features, places, path, truth, predicted."""
    with tempfile.NamedTemporaryFile(suffix=".npz", delete=False) as file:
        path = Path(file.name)
    try:
        embeddings.as_npz(space, job_id, path)
    except BaseException:
        path.unlink()
        raise
    return FileResponse(path, filename=f"{job_id}-features.npz", background=BackgroundTask(path.unlink))
