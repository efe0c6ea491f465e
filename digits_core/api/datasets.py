"""Routes on datasets."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import FileResponse, Response

from digits_core.api.forms import OptionsText, Upload, Words, options_of, received
from digits_core.api.once import once
from digits_core.api.request import Body, Key, Named, Options, Space
from digits_core.errors import NotFound
from digits_core.jobs.model import Kind
from digits_core.services import datasets, jobs

Json = dict[str, Any]
Text = Annotated[str, Field(max_length=200)]

router = APIRouter(tags=["datasets"])


class NewDataset(Body):
    """A dataset to build from what the server can read."""

    task: Text = "classification"
    name: Text
    options: Options
    group: Text = ""


@router.post("/datasets", status_code=201)
def create_dataset(body: NewDataset, space: Space, user: Named, key: Key = "") -> Json:
    """Put a dataset build into the queue; the same checks as the form, all problems at once."""
    view = once(space, user, key, ["dataset", body.model_dump()], lambda place: datasets.create_dataset(
        place, user, body.task, body.name, body.options, body.group))
    return jobs.describe(view)


@router.post("/datasets/upload", status_code=201)
def upload_dataset(archive: Upload, space: Space, user: Named, name: Words, task: Words = "classification",
                   options: OptionsText = "{}", group: Words = "", key: Key = "") -> Json:
    """The same from an uploaded zip or tar file of class folders."""
    values = options_of(options)
    asked = ["dataset-upload", task, name, values, group, archive.size]
    with received(space, archive) as path:
        view = once(space, user, key, asked, lambda place: datasets.create_dataset(
            place, user, task, name, values, group, path))
    return jobs.describe(view)


@router.get("/datasets/{job_id}/manifest")
def manifest(job_id: str, space: Space) -> Json:
    """What a finished dataset holds: shape, labels, entries per split and class, mean; empty until it is done."""
    return jobs.of_kind(space, job_id, Kind.DATASET).folder.manifest()


@router.get("/datasets/{job_id}/skipped", response_class=FileResponse)
def skipped(job_id: str, space: Space) -> Response:
    """The pictures that were left out, as CSV: path, split, class, reason."""
    path = jobs.of_kind(space, job_id, Kind.DATASET).folder.path / "skipped.csv"
    if not path.is_file():
        raise NotFound("This dataset has no list of skipped pictures (yet).")
    return FileResponse(path, media_type="text/csv", filename=f"{job_id}-skipped.csv")
