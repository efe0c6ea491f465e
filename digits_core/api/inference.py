"""Routes that classify pictures: now, or many as a job."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form
from pydantic import Field
from starlette.responses import Response, StreamingResponse

from digits_core.api.described import binary
from digits_core.api.forms import Given, OptionsText, Uploads, Words, options_of, pictures_of
from digits_core.api.once import once, once_sent
from digits_core.api.predict import Predict, answered
from digits_core.api.request import Body, Key, Limit, Named, Offset, Options, Space, User
from digits_core.errors import InvalidOptions, Problem
from digits_core.services import inference, jobs, similarity

Json = dict[str, Any]
Text = Annotated[str, Field(max_length=200)]
Top = Annotated[int, Field(ge=1, le=1000)]

router = APIRouter(tags=["inference"])


class Classify(Predict):
    """The same with the model in the body."""

    model: Text


class NewBatch(Body):
    """Many pictures (a server folder or a text list), to be classified by a job."""

    model: Text
    name: Text
    options: Options
    group: Text = ""


@router.post("/classify")
def classify(body: Classify, space: Space, user: User) -> Json:
    """What the model says about each picture: labels, masks, boxes, numbers. Needs no name: it changes nothing."""
    return answered(space, user, body.model, body)


@router.post("/classify/upload")
def classify_upload(images: Uploads, model: Words, space: Space, user: User, checkpoint: Words = "best",
                    top: Annotated[int, Form(ge=1, le=1000)] = 5, whole: Annotated[bool, Form()] = False) -> Json:
    """The same for uploaded pictures, one or several."""
    return {"results": inference.classify(space, user, model, pictures_of(images), checkpoint, top, whole)}


class Pair(Body):
    """Two pictures at server paths or http(s) addresses, for a model of metric learning."""

    model: Text
    first: Annotated[str, Field(max_length=4096)]
    second: Annotated[str, Field(max_length=4096)]
    checkpoint: Text = "best"


@router.post("/compare-pictures")
def compare_pictures(body: Pair, space: Space, user: User) -> Json:
    """How far apart a model of metric learning places two pictures, and whether they are of the same class."""
    first, second = inference.load_images(space, [body.first, body.second])
    return similarity.compare_pictures(space, user, body.model, first, second, body.checkpoint)


@router.post("/compare-pictures/upload")
def compare_pictures_upload(images: Uploads, model: Words, space: Space, user: User,
                            checkpoint: Words = "best") -> Json:
    """The same for the first two of the uploaded pictures."""
    found = pictures_of(images)
    if len(found) != 2:
        raise InvalidOptions([Problem("images", f"Two pictures are needed (got {len(found)}).")])
    return similarity.compare_pictures(space, user, model, found[0], found[1], checkpoint)


class Look(Body):
    """One picture at a server path or http(s) address, to be classified and looked into."""

    model: Text
    image: Annotated[str, Field(max_length=4096)]
    checkpoint: Text = "best"
    top: Top = 5
    layers: bool = True
    methods: list[Literal["grad-cam", "integrated-gradients", "occlusion"]] = Field(default_factory=list)
    label: Text = ""
    colormap: Literal["jet", "white", "simple", "hot", "rainbow", "winter"] = "jet"


@router.post("/look")
def look(body: Look, space: Space, user: User) -> Json:
    """Classify a picture and show weights, activations and statistics of every layer, and why this label."""
    image, = inference.load_images(space, [body.image])
    return inference.look(space, user, body.model, image, body.checkpoint, body.top, body.layers, body.methods,
                          body.label, body.colormap)


@router.post("/look/upload")
def look_upload(images: Uploads, model: Words, space: Space, user: User, checkpoint: Words = "best",
                layers: Annotated[bool, Form()] = True, methods: Annotated[str, Form(
                    max_length=200, description="With commas between: grad-cam,integrated-gradients,occlusion")] = "",
                label: Words = "", colormap: Words = "jet") -> Json:
    """The same for the first uploaded picture."""
    chosen = [method.strip() for method in methods.split(",") if method.strip()]
    return inference.look(space, user, model, pictures_of(images)[0], checkpoint, 5, layers, chosen, label, colormap)


@router.post("/inferences", status_code=201)
def create_batch(body: NewBatch, space: Space, user: Named, key: Key = "") -> Json:
    """Put a batch classification into the queue."""
    view = once(space, user, key, ["batch", body.model_dump()], lambda place: inference.create_batch(
        place, user, body.model, body.name, body.options, body.group))
    return jobs.describe(view)


@router.post("/inferences/upload", status_code=201)
def upload_batch(model: Words, name: Words, space: Space, user: Named,
                 images: Annotated[list[Given] | None, File(description="Pictures.")] = None,
                 image_list: Annotated[list[Given] | None, File(description="A text list of server paths or "
                                                                                 "addresses, instead.")] = None,
                 options: OptionsText = "{}", group: Words = "", key: Key = "") -> Json:
    """The same for uploaded pictures, or for an uploaded text list of pictures that the server can read."""
    values = options_of(options)
    pictures, lists = images or [], (image_list or [])[:1]
    view = once_sent(space, user, key, ["batch-upload", model, name, values, group, len(pictures)], [*pictures, *lists],
                     lambda place, sent: inference.create_batch(place, user, model, name, values, group,
                                                                sent[:len(pictures)], sent[-1][1] if lists else None))
    return jobs.describe(view)


@router.get("/inferences/{job_id}/results")
def results(job_id: str, space: Space, offset: Offset = 0, limit: Limit = 100,
            only: Literal["all", "wrong", "failed"] = "all") -> Json:
    """Rows of a batch so far, and its summary (accuracy, confusion, per class) once it is done."""
    page = inference.batch_results(space, job_id, offset, limit, only)
    return {"rows": page.rows, "total": page.total, "summary": inference.batch_summary(space, job_id)}


@router.get("/inferences/{job_id}/results.json")
def results_json(job_id: str, space: Space) -> Response:
    """All rows so far as one JSON array: image, truth, error and the most probable labels of each."""
    return StreamingResponse(inference.batch_json(space, job_id), media_type="application/json", headers={
        "Content-Disposition": f'attachment; filename="{job_id}.json"'})


@router.get("/inferences/{job_id}/results.csv", response_class=Response, responses=binary("text/csv"))
def results_csv(job_id: str, space: Space) -> Response:
    """All rows so far as CSV."""
    return StreamingResponse(inference.batch_csv(space, job_id), media_type="text/csv", headers={
        "Content-Disposition": f'attachment; filename="{job_id}.csv"'})
