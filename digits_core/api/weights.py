"""Routes on pretrained networks: what there is, published weights, files of one's own."""

from typing import Annotated, Any

from fastapi import APIRouter, File
from pydantic import Field

from digits_core.api.forms import Given, OptionsText, Upload, Words, options_of
from digits_core.api.once import once, once_sent
from digits_core.api.request import Body, Key, Named, Options, Space
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


class WeightsFile(Body):
    """A state dict on the server (``options.file``), and what it belongs to."""

    name: Text
    options: Options
    group: Text = ""


@router.post("/models/weights/import", status_code=201)
def import_weights(body: WeightsFile, space: Space, user: Named, key: Key = "") -> Json:
    """Make a model of a state dict (.pth, .pt, .safetensors) on the server, of a network on offer."""
    view = once(space, user, key, ["weights-file", body.model_dump()], lambda place: weights.import_weights(
        place, user, body.name, body.options, body.group))
    return jobs.describe(view)


@router.post("/models/weights/upload", status_code=201)
def upload_weights(weights_file: Upload, name: Words, space: Space, user: Named,
                   labels: Annotated[list[Given] | None, File(description="Class names, one a line.")] = None,
                   options: OptionsText = "{}", group: Words = "", key: Key = "") -> Json:
    """The same for an uploaded file, with a list of class names beside it if there is one."""
    values = options_of(options)
    view = once_sent(space, user, key, ["weights-upload", name, values, group], [weights_file, *(labels or [])[:1]],
                     lambda place, sent: weights.import_weights(
                         place, user, name, values, group, sent[0][1], sent[1][1] if labels else None))
    return jobs.describe(view)
