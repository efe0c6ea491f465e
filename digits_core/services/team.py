"""Services on the team's own store: publish a model, its versions, and what each new one must still get right."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from digits_core import files
from digits_core.errors import InvalidOptions, NotFound, Problem
from digits_core.jobs.model import Job, Kind, Status, number
from digits_core.jobs.store import JobView
from digits_core.modelstore.options import PublishOptions
from digits_core.modelstore.pins import Pins
from digits_core.modelstore.places import is_inside
from digits_core.modelstore.publish import REPORT
from digits_core.modelstore.team import VERSION, TeamStore, Version, slug
from digits_core.options import check
from digits_core.services import modelstore
from digits_core.services.access import authorize, must_own
from digits_core.services.jobs import checked_name, of_kind, together
from digits_core.services.models import find_checkpoint
from digits_core.services.store import imports
from digits_core.services.workspace import Workspace
from digits_core.tasks import tasks

Json = dict[str, Any]


def publish(workspace: Workspace, user: str, model_id: str, options: Json, checkpoint: str = "best") -> JobView:
    """Queue a job that makes a checkpoint the next version of a published model, see ``PublishOptions``.

    The job asks the model about everything that is pinned first; it fails when something is wrong, unless
    ``anyway`` gives a reason. Raises InvalidOptions with every problem at its field.
    """
    view = of_kind(workspace, model_id, Kind.MODEL, Kind.PRETRAINED)
    authorize(user, "create")
    name, checked = together(lambda: checked_name(str(options.get("publish_as", ""))),
                             lambda: check(PublishOptions, options))
    row = find_checkpoint(view, checkpoint)
    facts = modelstore.facts(workspace, view, row)
    store, published = team_store(workspace), slug(checked.publish_as)
    _same_kind(store, published, view)
    values = {**checked.model_dump(mode="json"), "published": published, "model": view.id,
              "trained_on": checked.trained_on or facts.dataset, "checkpoint_file": str(row["file"]),
              "dataset": str(view.job.options.get("dataset", "")), "facts": asdict(facts),
              "info": {**facts.info, "name": name, "username": user}}
    job = Job(workspace.store.new_id(), Kind.PUBLISH, view.job.task, f"{name}: {view.name}"[:200], user, time.time(),
              values, (view.id,) if view.status is Status.DONE else ())
    workspace.store.submit(job)
    return workspace.store.get(job.id)


def _same_kind(store: TeamStore, name: str, view: JobView) -> None:
    """Raise InvalidOptions when a published model of this name answers another kind of question."""
    other = next((version for version in store.versions() if version.name == name), None)
    if other is not None and other.entry.task != view.job.task:
        raise InvalidOptions([Problem("publish_as", f"'{name}' is a published model of the task "
                                      f"{other.entry.task}; choose another name.")])


def team_store(workspace: Workspace) -> TeamStore:
    """The store of this server's settings."""
    return TeamStore(workspace.settings.team_folder)


def published(workspace: Workspace) -> list[Json]:
    """Every published model with its versions, newest first: {"name", "owner", "pins", "can_pin", "versions"}.

    A version has what a model of any store has (``services.store.stores``), and "number", "gate" (pins, what was wrong,
    why it was published anyway), "model", "publication" (job ids), "published_at" (seconds since 1970).
    """
    store, jobs = team_store(workspace), imports(workspace)
    found: dict[str, Json] = {}
    for version in store.versions():
        if version.name not in found:
            pins, kind = Pins(store, version.name).all(), tasks().get(version.entry.task)
            found[version.name] = {"name": version.name, "owner": store.owner(version.name), "versions": [],
                                   "pins": sum(map(len, pins.values())), "can_pin": bool(kind and kind.named)}
        found[version.name]["versions"].append(_told(store, version, jobs))
    return list(found.values())


def _told(store: TeamStore, version: Version, jobs: dict[str, JobView]) -> Json:
    folder, job = store.root / version.entry.folder, jobs.get(version.entry.id)
    return {**version.entry.to_json(), "number": version.number, "gate": version.info.get("gate", {}),
            "model": str(version.info.get("job id", "")), "publication": str(version.info.get("publication", "")),
            "published_at": number(version.info.get("publication time")),
            "license_text": (folder / "license.txt").exists(), "picture": bool(version.entry.preview),
            "job": job.id if job else "", "ready": job is not None and job.status is Status.DONE}


def unpublish(workspace: Workspace, user: str, name: str, number: int) -> None:
    """Take a version out of the store; only who published it may, and its number is not used again."""
    authorize(user, "create")
    store = team_store(workspace)
    folder = store.folder(name, number)
    must_own(user, "delete", f"{name} v{number}", str((files.read_json(folder / "info.json") or {}).get("username")))
    store.unpublish(name, number)


def gate(workspace: Workspace, job_id: str) -> list[Json]:
    """What a publishing found about each pin, see ``Gate.rows``; empty before it has asked about them all."""
    rows = (files.read_json(of_kind(workspace, job_id, Kind.PUBLISH).folder.path / REPORT) or {}).get("rows", [])
    return [row for row in rows if isinstance(row, dict)]


def served(workspace: Workspace, path: str) -> Path:
    """A file of the store that everybody may have: master.json, and what the versions consist of. Raises NotFound."""
    root = team_store(workspace).root
    folder, _, name = path.partition("/")
    target = root / path
    public = path == "master.json" or (VERSION.fullmatch(folder) and is_inside(name))
    if not public or not target.is_file() or target.is_symlink():
        raise NotFound("There is no such file in this store.")
    return target
