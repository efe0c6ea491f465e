"""Routes that show what a network has learned: its weights, and the pictures that excite its units most."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from pydantic import Field
from starlette.responses import Response, StreamingResponse

from digits_core.api.described import binary
from digits_core.api.once import once
from digits_core.api.request import Body, Key, Limit, Named, Offset, Options, Space, User
from digits_core.services import jobs, maxima

Json = dict[str, Any]
Text = Annotated[str, Field(max_length=200)]

router = APIRouter(tags=["inference"])


@router.get("/models/{job_id}/weights")
def weights(job_id: str, space: Space, user: User, checkpoint: Text = "best",
            colormap: Literal["", "jet", "white", "simple", "hot", "rainbow", "winter"] = "jet") -> Json:
    """What every layer has learned, with statistics and pictures (none when ``colormap`` is empty), and its units."""
    return maxima.weights(space, user, job_id, checkpoint, colormap or None)


class NewMaxima(Body):
    """Units of a layer, for each of which a picture shall be made that excites it most."""

    name: Text = ""
    options: Options = Field(default_factory=dict)
    group: Text = ""


@router.post("/models/{job_id}/max-activations", status_code=201)
def create(job_id: str, body: NewMaxima, space: Space, user: Named, key: Key = "") -> Json:
    """Put the making of such pictures into the queue: ``layer``, ``units``, ``checkpoint``, ``steps`` and so on."""
    view = once(space, user, key, ["maxima", job_id, body.model_dump()], lambda place: maxima.create(
        place, user, job_id, body.name, body.options, body.group))
    return jobs.describe(view)


@router.get("/inferences/{job_id}/max-activations")
def made(job_id: str, space: Space, offset: Offset = 0, limit: Limit = 100) -> Json:
    """Finished units so far: activation on their picture and on the mean picture, and what the network calls it."""
    page = maxima.made(space, job_id, offset, limit)
    return {"rows": page.rows, "total": page.total}


@router.get("/inferences/{job_id}/max-activations.zip", response_class=Response, responses=binary("application/zip"))
def archive(job_id: str, space: Space) -> Response:
    """All pictures so far, and their rows, in one zip file."""
    return StreamingResponse(maxima.archive(space, job_id), media_type="application/zip", headers={
        "Content-Disposition": f'attachment; filename="{job_id}.zip"'})


@router.get("/inferences/{job_id}/max-activations/{unit}", response_class=Response, responses=binary("image/png"))
def picture(job_id: str, unit: Annotated[int, Path(ge=0, le=10**6)], space: Space) -> Response:
    """The picture of one unit as PNG."""
    return Response(maxima.picture(space, job_id, unit), media_type="image/png")
