"""DIGITS' routes that make models, and those of its form: source of a network, its layers, the learning rate."""

from typing import Any

from starlette.responses import FileResponse, Response

from digits_core.api.answers import StrictJSON
from digits_core.api.digits import tell
from digits_core.api.digits.fields import Translated, translated
from digits_core.api.digits.jobs import of, page_of
from digits_core.api.digits.model_fields import FRAMEWORKS, POLICIES, PUBLISHING, TRAINING
from digits_core.api.digits.request import Asked, answer, renamed
from digits_core.errors import BadData, InvalidOptions, NotFound, Problem
from digits_core.jobs.model import Kind
from digits_core.jobs.store import JobView
from digits_core.networks.custom import CUSTOM
from digits_core.options import check
from digits_core.services import jobs, models, modelstore, networks, publish, sweeps
from digits_core.train.options import TrainOptions, with_policy_defaults
from digits_core.train.schedule import curve

Json = dict[str, Any]
NO_WEIGHTS, SAME_WEIGHTS = ("", "0", "none"), "-1"
"""Values of ``<id>-snapshot``: begin from scratch, or with the weights that the earlier model began with."""


def create(asked: Asked) -> Response:
    """A training, or one for each combination where fields hold several values."""
    user = asked.named
    _refuse_other_frameworks(asked)
    found = translated(asked, TRAINING)
    network = _network(asked)
    names = {"name": "model_name", **found.names, **network.names}
    with renamed(names):
        views = sweeps.create_sweep(asked.space, user, asked.text("model_name"), asked.text("dataset"),
                                    {**_gpus(asked), **found.options, **network.options}, asked.text("group_name"))
    told = [{**tell.model(asked.space, view), "status": tell.NEW} for view in views]
    return answer(asked, told[0] if len(told) == 1 else {"jobs": told}, page_of(views[0]) if len(views) == 1 else "/")


def _refuse_other_frameworks(asked: Asked) -> None:
    if asked.text("framework", FRAMEWORKS[0]).lower() not in FRAMEWORKS:
        raise InvalidOptions([Problem("framework", "The framework you choose is not currently supported.")])
    layers = [name for name in ("python_layer_server_file", "python_layer_client_file")
              if asked.text(name) or name in asked.uploads]
    if layers:
        raise InvalidOptions([Problem(name, "There are no layers of Caffe here: write them into a custom network.")
                              for name in layers])


def _gpus(asked: Asked) -> Json:
    """The choice of GPUs that was made by boxes or by one button."""
    chosen = [text for text in [*asked.many("select_gpus"), asked.text("select_gpu")] if text not in ("", "next")]
    return {"gpu_list": chosen} if chosen else {}


def _network(asked: Asked) -> Translated:
    """The network by one of the four tabs of the form, and where its weights come from."""
    method = asked.text("method", "standard")
    if method == "standard":
        asked.missing("standard_networks")
        return Translated({"network": asked.text("standard_networks").lower()}, {"network": "standard_networks"})
    if method == "custom":
        asked.missing("custom_network")
        start = asked.text("custom_network_snapshot")
        return Translated({"network": CUSTOM, "network_source": asked.fields["custom_network"][0],
                           **({"start_model": start, "start_checkpoint": "best"} if start else {})},
                          {"network": "custom_network", "network_source": "custom_network",
                           "start_model": "custom_network_snapshot"})
    if method in ("previous", "pretrained"):
        field = f"{method}_networks"
        asked.missing(field)
        return Translated(_earlier(asked, field), {"network": field, "network_source": field, "start_model": field})
    raise InvalidOptions([Problem("method", "It is one of standard, previous, pretrained, custom.")])


def _earlier(asked: Asked, field: str) -> Json:
    """Network and weights of an earlier model."""
    try:
        view = jobs.of_kind(asked.space, asked.text(field), Kind.MODEL, Kind.PRETRAINED)
    except NotFound as error:
        raise InvalidOptions([Problem(field, str(error))]) from None
    network = networks.described(view)
    epoch = asked.text(f"{view.id}-snapshot", "none" if field == "previous_networks" else "best")
    if epoch.lower() in NO_WEIGHTS:
        return network
    if epoch == SAME_WEIGHTS:
        start = {key: view.job.options.get(key) for key in ("start_model", "start_checkpoint")}
        return {**network, **{key: value for key, value in start.items() if value}}
    return {**network, "start_model": view.id, "start_checkpoint": snapshot(epoch)}


def snapshot(epoch: str) -> str:
    """A checkpoint as DIGITS named it: an epoch, which may have decimals; empty or -1: the last."""
    try:
        number = float(epoch or -1)
    except ValueError:
        return epoch
    return "last" if number == -1 else f"{number:g}"


def customize(asked: Asked) -> Response:
    """The source of a standard network or of a model's, to put into the field of a custom one."""
    asked.missing("network")
    name = asked.text("network")
    source, start = networks.source(asked.space, name), None
    epoch = asked.text("snapshot_epoch")
    if epoch.lower() not in NO_WEIGHTS and epoch != SAME_WEIGHTS:
        view = jobs.of_kind(asked.space, name, Kind.MODEL, Kind.PRETRAINED)
        models.find_checkpoint(view, snapshot(epoch))
        start = view.id
    return StrictJSON({"network": source, "snapshot": start, "python_layer": None})


def layers(asked: Asked) -> Response:
    """A custom network layer by layer, as it would be for a dataset."""
    user = asked.named
    asked.missing("custom_network", "dataset_id")
    options = {**translated(asked, TRAINING).options, "network": CUSTOM,
               "network_source": asked.fields["custom_network"][0]}
    with renamed({"network_source": "custom_network", "dataset": "dataset_id"}):
        return StrictJSON(networks.layers(asked.space, user, asked.text("dataset_id"), options))


def learning_rate(asked: Asked) -> Response:
    """One curve of 101 points for each rate."""
    found = translated(asked, POLICIES)
    rates = [part.strip() for part in asked.text("learning_rate", "0.01").split(",")]
    try:
        with renamed(found.names):
            drawn = [curve(check(TrainOptions, with_policy_defaults({**found.options, "learning_rate": rate})))
                     for rate in rates[:100]]
    except InvalidOptions as error:
        raise BadData("Invalid policy" if "lr_policy" in error.by_field() else str(error)) from None
    except (OverflowError, ZeroDivisionError):
        raise BadData("These numbers give no finite curve.") from None
    return StrictJSON({"data": {"columns": [[f"Learning Rate {number}", *(rate for _, rate in points)]
                                            for number, points in enumerate(drawn)]}})


def publish_inference(asked: Asked) -> Response:
    """Send the newest export of a model to the inference server that is set up here."""
    user, found = asked.named, translated(asked, PUBLISHING, where="server")
    view = of(asked, Kind.MODEL, Kind.PRETRAINED)
    with renamed(found.names):
        return answer(asked, publish.publish(asked.space, user, view.id, found.options), page_of(view))


def download(asked: Asked) -> Response:
    """The model at a checkpoint in one archive."""
    view: JobView = of(asked, Kind.MODEL, Kind.PRETRAINED)
    ending = asked.part("ending") or "tar.gz"
    which = snapshot(asked.text("epoch") or asked.text("snapshot_epoch"))
    path = modelstore.export_model(asked.space, asked.user, view.id, which, ending)
    return FileResponse(path, filename=f"{view.id}_epoch_{which}.{ending}")
