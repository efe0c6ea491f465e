"""Routes that give a dataset out as files for other programs."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from digits_core.api.described import binary
from digits_core.api.request import Space, User
from digits_core.services.dataset_files import Hdf5Export

Json = dict[str, Any]
Word = Annotated[str, Query(max_length=20)]

router = APIRouter(tags=["datasets"])


@router.get("/datasets/{job_id}/hdf5", response_class=Response, responses=binary("application/zip"))
def hdf5(job_id: str, space: Space, user: User, layout: Word = "caffe", compression: Word = "none",
         file_mb: int = 1000) -> Response:
    """All splits as HDF5 files in a zip: ``layout`` caffe or plain, ``compression`` none or gzip, ``file_mb`` each."""
    found = Hdf5Export(space, user, job_id, {"layout": layout, "compression": compression, "file_mb": file_mb})
    return StreamingResponse(found.zipped(), media_type="application/zip", headers={
        "Content-Disposition": f'attachment; filename="{job_id}-hdf5.zip"'})
