"""Routes on the team's own store: publish, versions, pins; and the store itself, for others to list and import from."""

from typing import Annotated, Any

from fastapi import APIRouter, Form
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from digits_core.api.described import binary
from digits_core.api.forms import Uploads, pictures_of
from digits_core.api.once import once
from digits_core.api.request import Body, Key, Named, Options, Space
from digits_core.errors import DigitsError
from digits_core.services import jobs, pins, team
from digits_core.services.workspace import Workspace

Json = dict[str, Any]
Text = Annotated[str, Field(max_length=200)]

router = APIRouter(tags=["store"])


@router.get("/published")
def published(space: Space) -> Json:
    """The published models of this team with their versions, the newest first."""
    return {"published": team.published(space)}


class Publish(Body):
    """Which checkpoint, and ``options`` of publishing: publish_as, note, trained_on, license, license_text, anyway."""

    options: Options = Field(default_factory=dict)
    checkpoint: Text = "best"


@router.post("/models/{job_id}/publish", status_code=201)
def publish(job_id: str, body: Publish, space: Space, user: Named, key: Key = "") -> Json:
    """Make a checkpoint the next version of a published model, by a job that asks it about everything pinned first."""
    view = once(space, user, key, ["publish", job_id, body.model_dump()], lambda place: team.publish(
        place, user, job_id, body.options, body.checkpoint))
    return jobs.describe(view)


@router.get("/publications/{job_id}/gate")
def gate(job_id: str, space: Space) -> Json:
    """What a publishing found about each pin: right or wrong, what the model said, and why that is wrong."""
    return {"rows": team.gate(space, job_id)}


@router.delete("/published/{published_name}/versions/{number}")
def unpublish(published_name: str, number: int, space: Space, user: Named) -> Json:
    """Take a version out of the store; only who published it may. Its number is never used again."""
    team.unpublish(space, user, published_name, number)
    return {"unpublished": f"{published_name} v{number}"}


@router.get("/published/{published_name}/pins")
def list_pins(published_name: str, space: Space) -> Json:
    """What every new version must get right: pictures, and classes of datasets."""
    return pins.pins(space, published_name)


@router.post("/published/{published_name}/pins", status_code=201)
def pin_pictures(published_name: str, images: Uploads, label: Annotated[str, Form(max_length=200)], space: Space,
                 user: Named) -> Json:
    """Pin uploaded pictures in which every new version must find ``label``."""
    return {"pictures": pins.pin_pictures(space, user, published_name, pictures_of(images), label)}


class Slice(Body):
    """A class of a dataset's split (no label: every class) and the share 0..1 of it that must be right.

    ``limit``: how far numbers may be off (the label is a column), or the least PSNR of pictures in dB.
    """

    dataset: Text
    split: Text = "val"
    label: Text = ""
    at_least: float = 0.9
    limit: float | None = None


@router.post("/published/{published_name}/slices", status_code=201)
def pin_slice(published_name: str, body: Slice, space: Space, user: Named) -> Json:
    """Pin a class of a dataset to a share that every new version must get right."""
    return pins.pin_slice(space, user, published_name, body.dataset, body.split, body.label, body.at_least,
                          body.limit)


@router.get("/published/{published_name}/pins/{pin_id}", response_class=Response, responses=binary("image/png"))
def pinned_picture(published_name: str, pin_id: str, space: Space) -> Response:
    """A pinned picture as PNG."""
    return Response(pins.pinned_picture(space, published_name, pin_id), media_type="image/png")


@router.delete("/published/{published_name}/pins/{pin_id}")
def unpin(published_name: str, pin_id: str, space: Space, user: Named) -> Json:
    """Forget a pin; only who made it, or published the model first, may."""
    pins.unpin(space, user, published_name, pin_id)
    return {"unpinned": pin_id}


def store_route(workspace: Workspace) -> Route:
    """``/store/...``: the team's store as static files, read-only, laid out as DIGITS' catalogue."""
    async def served(request: Request) -> Response:
        try:
            path = await run_in_threadpool(team.served, workspace, request.path_params["path"])
        except DigitsError as error:
            return PlainTextResponse(str(error), 404)
        kind = {".json": "application/json", ".png": "image/png"}.get(path.suffix, "application/octet-stream")
        return FileResponse(path, media_type=kind)

    return Route("/store/{path:path}", served, methods=["GET", "HEAD"])
