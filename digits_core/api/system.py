"""Routes about the server itself, and what can be asked of it."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse

from digits_core.api.request import Named, Space
from digits_core.errors import InvalidOptions, Problem
from digits_core.options import Options, check, option_fields
from digits_core.services import doctor, networks, notify, system
from digits_core.tasks import task as get_task
from digits_core.tasks import tasks
from digits_core.train.options import TrainOptions, with_policy_defaults
from digits_core.train.schedule import curve

Json = dict[str, Any]

router = APIRouter(tags=["system"])


@router.get("/health")
def health() -> Json:
    """That the server answers."""
    return {"status": "ok"}


@router.get("/system")
def overview(space: Space) -> Json:
    """GPUs, CPU, memory, disk, queue with reasons, versions."""
    return system.overview(space)


@router.get("/doctor")
def findings(space: Space) -> Json:
    """What this installation lacks, and what to do about it."""
    found = doctor.findings(space)
    return {"ok": doctor.is_healthy(found), "findings": [asdict(finding) for finding in found]}


@router.post("/notify-test")
def notify_test(space: Space, user: Named) -> Json:
    """Send a test by every notification channel that is set up; what went wrong, by channel ("": it left)."""
    return notify.send_test(space, user)


@router.get("/tasks")
def list_tasks() -> Json:
    """The tasks, with every option of their datasets and models: type, default, limits, help."""
    return {name: _task(name) for name in tasks()}


@router.get("/tasks/{name}")
def get_one_task(name: str) -> Json:
    """One task with its options."""
    return _task(name)


def _task(name: str) -> Json:
    task = get_task(name)
    return {"name": task.name, "title": task.title, "goal": task.goal, "networks": list(task.networks),
            "default_network": task.default_network, "datasets": task.learns_from,
            "dataset_options": _described(task.dataset_options) if task.source else [],
            "model_options": _described(task.model_options)}


def _described(cls: type[Options]) -> list[Json]:
    return [{**asdict(field), "type": field.type.__name__, "choices": list(field.choices)}
            for field in option_fields(cls)]


@router.get("/networks/{name}/source", response_class=PlainTextResponse)
def network_source(name: str, space: Space) -> str:
    """The Python source of a standard network, or of a model (its id), to change it and train it as a custom one."""
    return networks.source(space, name)


@router.get("/learning-rate")
def learning_rate(request: Request) -> Json:
    """The learning-rate curve (percent of training, rate) of any training options given in the query."""
    values: Json = {}
    many = {field.name for field in option_fields(TrainOptions) if field.many}
    for name in request.query_params:
        given = request.query_params.getlist(name)
        values[name] = given if name in many else given[-1]
    values.pop("username", None)
    try:
        return {"points": curve(check(TrainOptions, with_policy_defaults(values)))}
    except (OverflowError, ZeroDivisionError):
        raise InvalidOptions([Problem("lr_policy", "These numbers give no finite curve.")]) from None


