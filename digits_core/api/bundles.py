"""Routes that move jobs between servers: as one file out, as one file in."""

from typing import Annotated, Any

from fastapi import APIRouter, Form
from starlette.responses import Response, StreamingResponse

from digits_core.api.described import binary
from digits_core.api.forms import Upload, received
from digits_core.api.request import Named, Space, User
from digits_core.services import bundles, jobs
from digits_core.services.unbundle import unbundle

Json = dict[str, Any]

router = APIRouter(tags=["jobs"])


@router.get("/jobs/{job_id}/bundle", response_class=StreamingResponse, responses=binary("application/x-tar"))
def download(job_id: str, space: Space, user: User, needs: bool = False, state: bool = False) -> Response:
    """A finished job as one tar file: ``needs`` adds what it was made from, ``state`` lets a training go on there."""
    found = bundles.bundle(space, user, job_id, needs, state)
    return StreamingResponse(found.pieces(), media_type="application/x-tar", headers={
        "Content-Disposition": f'attachment; filename="{found.name}"', "Content-Length": str(found.size)})


@router.get("/jobs/{job_id}/bundle/summary")
def summary(job_id: str, space: Space, user: User, needs: bool = False, state: bool = False) -> Json:
    """What that file would hold and how large it would be."""
    return bundles.summary(bundles.bundle(space, user, job_id, needs, state))


@router.post("/bundles", status_code=201)
def upload(bundle: Upload, space: Space, user: Named, allow_code: Annotated[bool, Form()] = False) -> Json:
    """Bring in the jobs of such a file; ``allow_code`` lets a custom network's code run here. Safe to repeat."""
    with received(space, user, bundle) as path:
        moved = unbundle(space, user, path, allow_code)
    return {"jobs": [jobs.describe(view) for view in moved.jobs], "known": moved.known, "renamed": moved.renamed}
