"""Routes on model stores: what they offer, reading them again, bringing a model here; pretrained models of our own."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import PlainTextResponse, Response

from digits_core.api.described import binary
from digits_core.api.once import once
from digits_core.api.request import Body, Key, Named, Space
from digits_core.services import jobs, modelstore, store

Json = dict[str, Any]
Text = Annotated[str, Field(max_length=200)]

router = APIRouter(tags=["store"])


@router.get("/store")
def list_stores(space: Space) -> Json:
    """Every model store as it was last read: state, age, message, and its models. Asks no network."""
    store.wake(space)
    return {"stores": store.stores(space)}


@router.post("/store/refresh")
def refresh(space: Space, user: Named) -> Json:
    """Read all stores again now; answers with the new lists. One that cannot be read keeps its old list, with why."""
    store.refresh(space)
    return {"stores": store.stores(space)}


class Import(Body):
    """How an imported model is called; empty: as in its store. ``allow_code``: a custom network may run here."""

    name: Text = ""
    group: Text = ""
    allow_code: bool = False


@router.post("/store/{entry_id}/import", status_code=201)
def import_entry(entry_id: str, body: Import, space: Space, user: Named, key: Key = "") -> Json:
    """Fetch a model of a store and install it as a pretrained model: a job, which checks every file it is told to."""
    view = once(space, user, key, ["store", entry_id, body.model_dump()], lambda place: store.import_entry(
        place, user, entry_id, body.name, body.group, body.allow_code))
    return jobs.describe(view)


@router.get("/store/{entry_id}/license", response_class=PlainTextResponse)
def license_text(entry_id: str, space: Space) -> Response:
    """The licence of a model of a store, empty when it brings none."""
    return PlainTextResponse(store.license_text(space, entry_id))


@router.get("/store/{entry_id}/preview", response_class=Response, responses=binary("image/png"))
def preview(entry_id: str, space: Space) -> Response:
    """A small PNG that shows what a model of a store is about."""
    return Response(store.preview(space, entry_id), media_type="image/png")


class Pretrained(Body):
    """Which checkpoint (best, last or an epoch) becomes a pretrained model; an empty name: the model's own."""

    checkpoint: Text = "best"
    name: Text = ""
    group: Text = ""


@router.post("/models/{job_id}/pretrained", status_code=201)
def make_pretrained(job_id: str, body: Pretrained, space: Space, user: Named, key: Key = "") -> Json:
    """Make a pretrained model of a checkpoint: a copy that stays when the training is deleted."""
    view = once(space, user, key, ["pretrained", job_id, body.model_dump()], lambda place: modelstore.make_pretrained(
        place, user, job_id, body.checkpoint, body.name, body.group))
    return jobs.describe(view)
