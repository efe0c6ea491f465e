"""Routes on datasets."""

import base64
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.responses import FileResponse, Response

from digits_core.api.described import binary
from digits_core.api.forms import OptionsText, Upload, Words, options_of
from digits_core.api.once import once, once_sent
from digits_core.api.request import Body, Key, Named, Offset, Options, Space, User
from digits_core.errors import NotFound
from digits_core.jobs.model import Kind
from digits_core.services import augmentation, datasets, jobs

Json = dict[str, Any]
Text = Annotated[str, Field(max_length=200)]
Side = Annotated[int | None, Query(ge=1, le=2**31, description="Pixels of the source's shorter side.")]

router = APIRouter(tags=["datasets"])


class PNG(Response):
    """A picture."""

    media_type = "image/png"


class NewDataset(Body):
    """A dataset to build from what the server can read."""

    task: Text = "classification"
    name: Text
    options: Options
    group: Text = ""


class LookAhead(Body):
    """Options of a dataset that is not built yet."""

    task: Text = "classification"
    options: Options


class Augmentation(Body):
    """Options of a training; the seed chooses the pictures and what happens to them."""

    options: Options = Field(default_factory=dict)
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0


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
    view = once_sent(space, user, key, ["dataset-upload", task, name, values, group], [archive],
                     lambda place, sent: datasets.create_dataset(place, user, task, name, values, group, sent[0][1]))
    return jobs.describe(view)


@router.post("/datasets/preview")
def preview(body: LookAhead, space: Space, user: Named) -> Json:
    """What a build with these options would find, in two seconds; one picture in each resize mode as base64 PNG."""
    found = asdict(datasets.preview(space, body.task, body.options))
    return {**found, "example": {mode: base64.b64encode(png).decode() for mode, png in found["example"].items()}}


@router.get("/datasets/{job_id}/manifest")
def manifest(job_id: str, space: Space) -> Json:
    """What a finished dataset holds: shape, labels, entries per split and class, mean; 404 until it is done."""
    return datasets.manifest(jobs.of_kind(space, job_id, Kind.DATASET))


@router.get("/datasets/{job_id}/samples")
def samples(job_id: str, space: Space, split: Text = "train", label: Annotated[int | None, Query(ge=0)] = None,
            search: Text = "", min_side: Side = None, max_side: Side = None, offset: Offset = 0,
            limit: Annotated[int, Query(ge=1, le=200)] = 24) -> Json:
    """Pictures of one split, of (or with) one class (its number from 0), path or size if asked; ``png`` is base64."""
    page = datasets.samples(space, job_id, split, label, search, offset, limit, datasets.sides(min_side, max_side))
    return {"total": page.total, "items": [
        {"index": item.index, "label": item.label, "class_name": item.class_name, "path": item.path,
         "source": item.source, "png": base64.b64encode(item.png).decode()} for item in page.items]}


@router.get("/datasets/{job_id}/samples/{split}/{position}", response_class=PNG)
def sample(job_id: str, split: str, position: Annotated[int, Path(ge=0, le=2**53)], space: Space) -> Response:
    """One picture as the network gets it, by its position in the split, as a PNG."""
    items = datasets.samples(space, job_id, split, offset=position, limit=1).items
    if not items:
        raise NotFound(f"There is no picture {position} in {split!r}.")
    return PNG(items[0].png)


@router.get("/datasets/{job_id}/mean", response_class=PNG)
def mean(job_id: str, space: Space) -> Response:
    """The mean of all training pictures as a PNG."""
    picture = datasets.mean_picture(jobs.of_kind(space, job_id, Kind.DATASET))
    if picture is None:
        raise NotFound("This dataset has no mean picture (yet).")
    return PNG(picture)


@router.get("/datasets/{job_id}/skipped", response_class=FileResponse, responses=binary("text/csv"))
def skipped(job_id: str, space: Space) -> Response:
    """The pictures that were left out, as CSV: path, split, class, reason."""
    path = jobs.of_kind(space, job_id, Kind.DATASET).folder.path / "skipped.csv"
    if not path.is_file():
        raise NotFound("This dataset has no list of skipped pictures (yet).")
    return FileResponse(path, media_type="text/csv", filename=f"{job_id}-skipped.csv")


@router.post("/datasets/{job_id}/augmentation")
def augmented(job_id: str, body: Augmentation, space: Space, user: User) -> Json:
    """Four training pictures, each in four variants as training would see them, as base64 PNGs."""
    pictures = augmentation.augmentation_preview(space, user, job_id, body.options, body.seed)
    return {"pictures": [base64.b64encode(picture).decode() for picture in pictures]}
