"""Routes on pretrained networks: what there is, published weights."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from digits_core.api.once import once
from digits_core.api.request import Body, Key, Named, Space
from digits_core.services import jobs, weights

Json = dict[str, Any]
Text = Annotated[str, Field(max_length=200)]

router = APIRouter(tags=["models"])


@router.get("/networks")
def list_networks(space: Space) -> Json:
    """The networks on offer, each with its published weights: accuracy, size, whether they are here already."""
    return {"networks": weights.networks(space)}


class Published(Body):
    """Weights that torchvision publishes; an empty name is made from the network's."""

    network: Text
    weights: Text = "DEFAULT"
    name: Text = ""
    group: Text = ""


@router.post("/models/weights", status_code=201)
def fetch_weights(body: Published, space: Space, user: Named, key: Key = "") -> Json:
    """Get published weights as a model to classify with or start from; answers with the job that has them."""
    view = once(space, user, key, ["weights", body.model_dump()], lambda place: weights.fetch_weights(
        place, user, body.network, body.weights, body.name, body.group))
    return jobs.describe(view)
