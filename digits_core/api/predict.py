"""The native way to ask a model of any task: pictures in the request, at server paths, as uploads; or texts."""

import base64
import binascii
from typing import Annotated, Any

from fastapi import APIRouter, Form
from pydantic import Field

from digits_core.api.forms import Uploads, Words, pictures_of
from digits_core.api.request import Body, Options, Space, User
from digits_core.errors import InvalidOptions, Problem
from digits_core.services import inference, serving
from digits_core.services.workspace import Workspace
from digits_core.views import to_json

Json = dict[str, Any]
Text = Annotated[str, Field(max_length=200)]

router = APIRouter(tags=["inference"])


class Encoded(Body):
    """The file of a picture in base64."""

    name: Text = ""
    data: str


class Predict(Body):
    """What a model is asked about; pictures first, as they come, then texts."""

    pictures: Annotated[list[Encoded], Field(max_length=1000)] = Field(default_factory=list)
    images: Annotated[list[Annotated[str, Field(max_length=4096)]], Field(
        max_length=1000, description="Server paths or http(s) addresses.")] = Field(default_factory=list)
    texts: Annotated[list[Annotated[str, Field(max_length=100_000)]], Field(max_length=1000)] = Field(
        default_factory=list)
    checkpoint: Text = "best"
    top: Annotated[int, Field(ge=1, le=1000)] = 5
    whole: bool = False
    """Pictures keep their size: for models of segmentation, detection and image processing."""
    view: Text | None = None
    """Each result brings its panels (pictures, tables, bars) along: by the view of this name, empty: the task's own."""
    view_options: Options = Field(default_factory=dict)


@router.post("/models/{job_id}/predict")
def predict(job_id: str, body: Predict, space: Space, user: User) -> Json:
    """What the model says about each picture or text. Needs no name: it changes nothing."""
    return answered(space, user, job_id, body)


@router.post("/models/{job_id}/predict/upload")
def predict_upload(job_id: str, images: Uploads, space: Space, user: User, checkpoint: Words = "best",
                   top: Annotated[int, Form(ge=1, le=1000)] = 5, whole: Annotated[bool, Form()] = False) -> Json:
    """The same for uploaded pictures (or files of texts), one or several."""
    return {"results": inference.classify(space, user, job_id, pictures_of(images), checkpoint, top, whole)}


@router.get("/serving")
def loaded(space: Space) -> Json:
    """The models that are loaded now: checkpoint, device, bytes, requests, p50 and p95 of the last 15 minutes."""
    return {"models": serving.loaded(space)}


def answered(space: Workspace, user: str, model: str, asked: Predict) -> Json:
    """The answers, with panels where a view is asked for."""
    entries = [*_decoded(asked.pictures), *inference.load_images(space, asked.images),
               *inference.load_texts(asked.texts)]
    found = inference.classify(space, user, model, entries, asked.checkpoint, asked.top, asked.whole)
    if asked.view is None:
        return {"results": found}
    panels = [inference.panels(space, model, entry, answer, asked.view_options, asked.view)
              for entry, answer in zip(entries, found, strict=True)]
    return {"results": [{**answer, "panels": list(map(to_json, shown))}
                        for answer, shown in zip(found, panels, strict=True)]}


def _decoded(pictures: list[Encoded]) -> list[tuple[str, bytes]]:
    try:
        return [(one.name or f"picture {number}", base64.b64decode(one.data, validate=True))
                for number, one in enumerate(pictures, 1)]
    except (binascii.Error, ValueError):
        raise InvalidOptions([Problem("pictures", "Data is a file in base64.")]) from None
