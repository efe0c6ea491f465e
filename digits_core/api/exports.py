"""Routes that take models along: exports for other programs, checked against PyTorch."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import FileResponse, Response

from digits_core.api.described import binary
from digits_core.api.once import once
from digits_core.api.request import Body, Key, Named, Options, Space, User
from digits_core.modelstore.packing import MEDIA
from digits_core.services import exports, jobs

Json = dict[str, Any]
Text = Annotated[str, Field(max_length=200)]

router = APIRouter(tags=["models"])


class NewExport(Body):
    """What is made of a model, and how far it may be from PyTorch."""

    name: Text = ""
    options: Options = Field(default_factory=dict)
    group: Text = ""


@router.post("/models/{job_id}/exports", status_code=201)
def create(job_id: str, body: NewExport, space: Space, user: Named, key: Key = "") -> Json:
    """Queue an export: ``checkpoint``, ``formats`` (onnx, torchscript, executorch), ``precisions``."""
    view = once(space, user, key, ["export", job_id, body.model_dump()], lambda place: exports.create(
        place, user, job_id, body.options, body.name, body.group))
    return jobs.describe(view)


@router.get("/models/{job_id}/exports")
def of_model(job_id: str, space: Space) -> Json:
    """Exports of a model, newest first."""
    return {"exports": [jobs.describe(view) for view in exports.of_model(space, job_id)]}


@router.get("/exports/{job_id}")
def report(job_id: str, space: Space) -> Json:
    """What was made: size, largest difference, agreement, measure and latency of each file; why one was refused."""
    return exports.report(space, job_id)


@router.get("/exports/{job_id}/archive", response_class=FileResponse, responses=binary(*MEDIA.values()))
def archive(job_id: str, space: Space, user: User, format: Text = "zip") -> Response:
    """Everything in one file: zip, tar.gz, tgz, tar or tar.bz2."""
    path = exports.archive(space, user, job_id, format)
    return FileResponse(path, media_type=MEDIA[format], filename=path.name)


@router.get("/exports/{job_id}/files/{name}", response_class=FileResponse, responses=binary())
def file(job_id: str, name: str, space: Space, user: User) -> Response:
    """One file of the archive, such as model.onnx."""
    return FileResponse(exports.file(space, user, job_id, name), media_type="application/octet-stream", filename=name)
