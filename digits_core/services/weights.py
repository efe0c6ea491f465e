"""Services on pretrained networks: what there is, get published weights."""

import time
from dataclasses import asdict, replace
from typing import Any

from digits_core.errors import DigitsError, InvalidOptions, Problem
from digits_core.jobs.model import Job, Kind, Status
from digits_core.jobs.store import JobStore, JobView
from digits_core.modelstore import shelf
from digits_core.networks import NETWORKS, body_of
from digits_core.networks.torchvision_data import PublishedWeights, find_published, published
from digits_core.services.access import authorize
from digits_core.services.jobs import checked_name
from digits_core.services.workspace import Workspace

Json = dict[str, Any]
SOURCE = "torchvision"
"""``start_model`` of a training: torchvision, or torchvision:TAG."""
LOST = (Status.FAILED, Status.STOPPED, Status.DAMAGED)


def networks(workspace: Workspace) -> list[Json]:
    """Every network on offer with its facts, and under ``weights`` what was published for it.

    Each of these says its tag, accuracy and size, whether its file is ``on_disk`` of this server, and the ``job`` that
    fetched it or does so now ("" when none).
    """
    there, jobs = shelf.on_disk(workspace.settings), _fetching(workspace)
    rows = []
    for spec in NETWORKS.values():
        facts = {key: value for key, value in asdict(spec).items() if key not in ("build", "arguments")}
        rows.append({**facts, "weights": [_about(workspace, weights, there, jobs)
                                          for weights in published(spec.name)]})
    return rows


def _about(workspace: Workspace, weights: PublishedWeights, there: set[str],
           jobs: dict[tuple[str, str], JobView]) -> Json:
    job = jobs.get((weights.network, weights.tag))
    return {"tag": weights.tag, "accuracy": weights.accuracy, "top5": weights.top5, "bytes": weights.bytes,
            "crop": weights.crop, "url": weights.url, "license": weights.license, "recipe": weights.recipe,
            "advice": shelf.advice(workspace.settings, weights), "on_disk": weights.file in there,
            "job": job.id if job else "", "ready": job is not None and job.status is Status.DONE}


def _fetching(workspace: Workspace) -> dict[tuple[str, str], JobView]:
    """The newest job for each published weights that has not failed."""
    return {(str(view.job.options.get("network")), str(view.job.options["weights"])): view
            for view in reversed(workspace.store.jobs(Kind.PRETRAINED))
            if view.job.kind is Kind.PRETRAINED and "weights" in view.job.options and view.status not in LOST}


def fetch_weights(workspace: Workspace, user: str, network: str, weights_tag: str = "DEFAULT", name: str = "",
                  group: str = "") -> JobView:
    """Get published weights as a model of the store: a job takes the file from this server's folder or downloads it.

    The same weights are fetched once: where they are there or on their way, that job is returned. Raises
    InvalidOptions for unknown ones, and where they could not be had anyway.
    """
    authorize(user, "create")
    try:
        weights = find_published(network, weights_tag)
    except DigitsError as error:
        known = network in NETWORKS and published(network)
        raise InvalidOptions([Problem("weights" if known else "network", str(error))]) from None
    known_job = _fetching(workspace).get((network, weights.tag))
    if known_job is not None:
        return known_job
    settings = workspace.settings
    if weights.file not in shelf.on_disk(settings) and not shelf.address(settings, weights):
        raise InvalidOptions([Problem("weights", f"{weights.file} is not on this server, which downloads nothing "
                                      f"(DIGITS_WEIGHTS_URL). {shelf.advice(settings, weights)}")])
    title = f"{NETWORKS[network].title}, ImageNet{_suffix(weights)}"
    return _submit(workspace, user, name or title, group, {"network": network, "weights": weights.tag})


def _suffix(weights: PublishedWeights) -> str:
    tag = weights.tag.removeprefix("IMAGENET1K_")
    return "" if len(published(weights.network)) == 1 else f" {tag}"


def _submit(workspace: Workspace, user: str, name: str, group: str, options: Json) -> JobView:
    job = Job(workspace.store.new_id(), Kind.PRETRAINED, "classification", checked_name(name), user, time.time(),
              options, (), group.strip())
    workspace.store.submit(job)
    return workspace.store.get(job.id)


def start_of(workspace: Workspace, user: str, network: str, start_model: str) -> str:
    """The id of the job whose model a training starts from; ``torchvision[:TAG]`` is fetched when it is not there."""
    source, _, tag = start_model.partition(":")
    if source != SOURCE:
        return start_model
    # A store of its own: the caller's may have its next id reserved for the training (Idempotency-Key)
    place = replace(workspace, store=JobStore(workspace.store.root, workspace.store.stall_s))
    try:
        return fetch_weights(place, user, body_of(network), tag or "DEFAULT").id
    except InvalidOptions as error:
        raise InvalidOptions([Problem("start_model", problem.message) for problem in error.problems]) from None


def ready_start(workspace: Workspace, network: str, start_model: str) -> str:
    """The same for trying out: weights that are not here yet are left out, because they change no time and no size."""
    source, _, tag = start_model.partition(":")
    if source == SOURCE:
        network = body_of(network)
        found = _fetching(workspace).get((network, find_published(network, tag or "DEFAULT").tag))
        start_model = found.id if found else ""
    known = start_model in workspace.store.ids()
    view = workspace.store.get(start_model) if known else None
    coming = view is not None and view.job.kind is Kind.PRETRAINED and view.status is not Status.DONE
    return "" if coming else start_model
