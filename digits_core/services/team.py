"""Services on the team's own store: publish a model, its versions, and what each new one must still get right."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from digits_core import files
from digits_core.data import pictures
from digits_core.errors import BadData, InvalidOptions, NotFound, Problem
from digits_core.infer.model_folder import ModelFolder
from digits_core.jobs.model import Job, Kind, Status
from digits_core.jobs.store import JobView
from digits_core.modelstore.options import PublishOptions
from digits_core.modelstore.pins import MOST, Pins
from digits_core.modelstore.places import is_inside
from digits_core.modelstore.publish import REPORT
from digits_core.modelstore.team import VERSION, TeamStore, Version, slug
from digits_core.options import check
from digits_core.services import modelstore
from digits_core.services.access import authorize, must_own
from digits_core.services.datasets import manifest
from digits_core.services.jobs import checked_name, of_kind, together
from digits_core.services.models import find_checkpoint
from digits_core.services.store import imports
from digits_core.services.workspace import Workspace
from digits_core.tasks import task, tasks

Json = dict[str, Any]
Image = tuple[str, bytes]
PINNED_BYTES = 20_000_000


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

    A version has what a model of any store has (``services.store.stores``), and "number", "by", "gate", "published_by".
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
            "license_text": (folder / "license.txt").exists(), "picture": bool(version.entry.preview),
            "job": job.id if job else "", "ready": job is not None and job.status is Status.DONE}


def unpublish(workspace: Workspace, user: str, name: str, number: int) -> None:
    """Take a version out of the store; only who published it may, and its number is not used again."""
    authorize(user, "create")
    store = team_store(workspace)
    folder = store.folder(name, number)
    must_own(user, "delete", f"{name} v{number}", str((files.read_json(folder / "info.json") or {}).get("username")))
    store.unpublish(name, number)


def pins(workspace: Workspace, name: str) -> Json:
    """What is pinned to a published model: {"pictures": [...], "slices": [...]}, see ``Pins``."""
    store = team_store(workspace)
    store.newest(name)
    return Pins(store, name).all()


def pin_pictures(workspace: Workspace, user: str, name: str, images: Sequence[Image], label: str) -> list[Json]:
    """Pin pictures in which every new version must find ``label``. Raises InvalidOptions when that cannot be."""
    authorize(user, "create")
    store, model = _pinnable(workspace, name)
    found, problems = Pins(store, name), []
    if label not in model.labels:
        problems.append(Problem("label", f"The model has no label {label[:60]!r}."))
    if not images:
        problems.append(Problem("images", "No picture was given."))
    if len(found.all()["pictures"]) + len(images) > MOST:
        problems.append(Problem("images", f"At most {MOST} pictures can be pinned to a model."))
    problems += [Problem("images", problem) for image in images if (problem := _unreadable(model, image))]
    if problems:
        raise InvalidOptions(problems)
    return [found.add_picture(Path(text).name, data, label, user) for text, data in images]


def _unreadable(model: ModelFolder, image: Image) -> str:
    if len(image[1]) > PINNED_BYTES:
        return f"{image[0]} has {len(image[1]) / 1e6:.0f} MB; at most {PINNED_BYTES / 1e6:.0f} MB can be pinned."
    try:
        model.opened(image[1], image[0])
    except BadData as error:
        return f"{image[0]} {error}."
    return ""


def _pinnable(workspace: Workspace, name: str) -> tuple[TeamStore, ModelFolder]:
    """Store and newest version. Raises BadData for a model whose answers have no labels."""
    store = team_store(workspace)
    version = store.newest(name)
    kind = task(version.entry.task)
    if not kind.named:
        raise BadData(f"Nothing can be pinned to a model of the task {kind.title}: its answers have no labels that "
                      "are right or wrong.")
    return store, ModelFolder.read(store.folder(name, version.number))


def pin_slice(workspace: Workspace, user: str, name: str, dataset: str, split: str = "val", label: str = "",
              at_least: float = 0.9) -> Json:
    """Pin a class of a dataset's split (no label: all of it) to a share that must be right, 0..1."""
    authorize(user, "create")
    store, model = _pinnable(workspace, name)
    kind = task(model.network.task)
    if not kind.names_labels:
        raise BadData(f"Classes of a dataset cannot be pinned to a model of the task {kind.title}; pictures can.")
    try:
        view = of_kind(workspace, dataset, Kind.DATASET)
        facts = manifest(view)
    except (NotFound, BadData) as error:
        raise InvalidOptions([Problem("dataset", str(error))]) from None
    problems = [problem for good, problem in (
        (facts["task"] == kind.learns_from, Problem("dataset", f"'{view.name}' is a dataset of another task.")),
        (split in facts["splits"], Problem("split", f"'{view.name}' has {', '.join(facts['splits'])}.")),
        (label in ("", *facts["labels"]), Problem("label", f"'{view.name}' has no label {label[:60]!r}.")),
        (set(facts["labels"]) <= set(model.labels), Problem("dataset", f"'{view.name}' has other labels.")),
        (0 < at_least <= 1, Problem("at_least", "A share between 0 and 1 is needed."))) if not good]
    if problems:
        raise InvalidOptions(problems)
    return Pins(store, name).add_slice(view.id, view.name, split, label, at_least, user)


def unpin(workspace: Workspace, user: str, name: str, pin_id: str) -> None:
    """Forget a pin; only who made it, or who published the model first, may."""
    authorize(user, "create")
    store = team_store(workspace)
    store.newest(name)
    found = Pins(store, name)
    pin = found.find(pin_id)
    if user != store.owner(name):
        must_own(user, "delete", "This pin", str(pin["by"]))
    found.remove(pin_id)


def pinned_picture(workspace: Workspace, name: str, pin_id: str) -> bytes:
    """A pinned picture as PNG in its own size. Raises NotFound."""
    store = team_store(workspace)
    newest = store.newest(name)
    found = Pins(store, name)
    pin = found.find(pin_id)
    if "file" not in pin or not found.picture(pin).is_file():
        raise NotFound("This pin has no picture.")
    model = ModelFolder.read(store.folder(name, newest.number))
    return pictures.image_png(model.shown(found.picture(pin).read_bytes(), str(pin["name"])))


def gate(workspace: Workspace, job_id: str) -> list[Json]:
    """What a publishing found about each pin, see ``Gate.rows``; empty before it has asked about them all."""
    rows = (files.read_json(of_kind(workspace, job_id, Kind.PUBLISH).folder.path / REPORT) or {}).get("rows", [])
    return [row for row in rows if isinstance(row, dict)]


def served(workspace: Workspace, path: str) -> Path:
    """A file of the store that everybody may have: master.json, and what the versions consist of. Raises NotFound."""
    root = workspace.settings.team_folder
    folder, _, name = path.partition("/")
    target = root / path
    public = path == "master.json" or (VERSION.fullmatch(folder) and is_inside(name))
    if not public or not target.is_file() or target.is_symlink():
        raise NotFound("There is no such file in this store.")
    return target




def labels(workspace: Workspace, name: str) -> list[str]:
    """The labels of a published model's newest version."""
    store = team_store(workspace)
    return list(ModelFolder.read(store.folder(name, store.newest(name).number)).labels)
