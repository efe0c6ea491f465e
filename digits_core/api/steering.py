"""Routes that steer a training, and the report of the weights it started from."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from digits_core.api.request import Body, Named, Space
from digits_core.jobs.model import Kind
from digits_core.services import jobs, models, steering

Json = dict[str, Any]

router = APIRouter(tags=["models"])


class Rate(Body):
    """What the learning rate is multiplied with from now on."""

    factor: Annotated[float, Field(gt=0, le=1e6)]


class More(Body):
    """How many epochs to go on."""

    epochs: Annotated[int, Field(ge=1, le=steering.MOST_EPOCHS)]


@router.post("/models/{job_id}/finish")
def finish(job_id: str, space: Space, user: Named) -> Json:
    """End a running training after its current step and keep what it has learned; it is evaluated and done."""
    return jobs.describe(steering.finish_now(space, user, job_id))


@router.post("/models/{job_id}/rate")
def change_rate(job_id: str, body: Rate, space: Space, user: Named) -> Json:
    """Multiply the learning rate of a running training from its next step on."""
    return jobs.describe(steering.change_rate(space, user, job_id, body.factor))


@router.post("/models/{job_id}/epochs")
def more_epochs(job_id: str, body: More, space: Space, user: Named) -> Json:
    """Let an ended training go on for more epochs: same job, same curves."""
    return jobs.describe(steering.more_epochs(space, user, job_id, body.epochs))


@router.get("/models/{job_id}/start")
def start_report(job_id: str, space: Space) -> Json:
    """Which tensors a fine-tuned model took from an earlier one and which are new; empty: it began from scratch."""
    return models.start_report(jobs.of_kind(space, job_id, Kind.MODEL, Kind.PRETRAINED))
