"""Routes on models that make pictures: samples from their training, and what they make now."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from digits_core.api.described import binary
from digits_core.api.forms import OptionsText, Uploads, Words, options_of, pictures_of
from digits_core.api.request import Body, Options, Space, User
from digits_core.jobs.model import Kind
from digits_core.services import inference, jobs, making
from digits_core.views import to_json

Json = dict[str, Any]
Text = Annotated[str, Field(max_length=200)]

router = APIRouter(tags=["inference"])


@router.get("/models/{job_id}/samples")
def samples(job_id: str, space: Space) -> Json:
    """The epochs after which the model left a sheet of pictures that it made."""
    return {"epochs": making.samples(jobs.of_kind(space, job_id, Kind.MODEL, Kind.PRETRAINED))}


@router.get("/models/{job_id}/samples/{epoch}", response_class=Response, responses=binary("image/png"))
def sample(job_id: str, epoch: str, space: Space) -> Response:
    """The sheet after an epoch, or "last", as PNG: of a model with classes a row for each, the same z in a column."""
    return Response(making.sample(space, job_id, epoch), media_type="image/png")


class Make(Body):
    """What a generator shall make, and from which pictures (server paths or http(s) addresses) where it needs some."""

    options: Options = Field(default_factory=dict)
    images: Annotated[list[Annotated[str, Field(max_length=4096)]], Field(max_length=32)] = Field(default_factory=list)
    checkpoint: Text = "best"


@router.post("/models/{job_id}/make")
def make(job_id: str, body: Make, space: Space, user: User) -> Json:
    """Pictures that the model makes: a grid, a class sweep, an interpolation (with a GIF), an analogy."""
    images = inference.load_images(space, body.images)
    return {"panels": list(map(to_json, making.make(space, user, job_id, body.options, images, body.checkpoint)))}


@router.post("/models/{job_id}/make/upload")
def make_upload(job_id: str, images: Uploads, space: Space, user: User, options: OptionsText = "{}",
                checkpoint: Words = "best") -> Json:
    """The same from uploaded pictures."""
    found = making.make(space, user, job_id, options_of(options), pictures_of(images), checkpoint)
    return {"panels": list(map(to_json, found))}
