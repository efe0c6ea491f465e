"""Services on pins: what every new version of a published model must still get right."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from digits_core.data import pictures
from digits_core.errors import BadData, InvalidOptions, NotFound, Problem
from digits_core.infer.model_folder import ModelFolder
from digits_core.jobs.model import Kind
from digits_core.modelstore.pins import MOST, Pins
from digits_core.modelstore.right import rule
from digits_core.modelstore.team import TeamStore
from digits_core.services.access import authorize, must_own
from digits_core.services.datasets import manifest
from digits_core.services.jobs import of_kind
from digits_core.services.team import team_store
from digits_core.services.workspace import Workspace
from digits_core.tasks import Task, task

Json = dict[str, Any]
Image = tuple[str, bytes]
PINNED_BYTES = 20_000_000
LIMIT = "How far numbers may be off, in their own units, or the least PSNR of pictures, is needed."


def pins(workspace: Workspace, name: str) -> Json:
    """What is pinned to a published model: {"pictures": [...], "slices": [...]}, see ``Pins``."""
    store = team_store(workspace)
    store.newest(name)
    return Pins(store, name).all()


def pin_pictures(workspace: Workspace, user: str, name: str, images: Sequence[Image], label: str) -> list[Json]:
    """Pin pictures in which every new version must find ``label``. Raises InvalidOptions when that cannot be."""
    authorize(user, "create")
    store, model = pinnable(workspace, name, "label")
    found = Pins(store, name)
    problems = [] if label in model.labels else [Problem("label", f"The model has no label {label[:60]!r}.")]
    problems += picture_problems(found, model, images)
    if problems:
        raise InvalidOptions(problems)
    return [found.add_picture(Path(text).name, data, user, {"label": label}) for text, data in images]


def picture_problems(found: Pins, model: ModelFolder, images: Sequence[Image]) -> list[Problem]:
    """Why pictures cannot be pinned: there is none, there are too many, one cannot be read."""
    problems = [] if images else [Problem("images", "No picture was given.")]
    if len(found.all()["pictures"]) + len(images) > MOST:
        problems.append(Problem("images", f"At most {MOST} pictures can be pinned to a model."))
    return problems + [Problem("images", problem) for image in images if (problem := unreadable(model, image))]


def unreadable(model: ModelFolder, image: Image) -> str:
    """What is wrong with a picture for this model; empty when nothing is."""
    if len(image[1]) > PINNED_BYTES:
        return f"{image[0]} has {len(image[1]) / 1e6:.0f} MB; at most {PINNED_BYTES / 1e6:.0f} MB can be pinned."
    try:
        model.opened(image[1], image[0])
    except BadData as error:
        return f"{image[0]} {error}."
    return ""


WAYS = {"label": "a label that is in them (store pin)", "values": "numbers and how far they may be off (store "
        "pin-values)", "target": "a wanted picture and a PSNR (store pin-target)"}
"""What a pinned picture of each kind of model needs, see digits_core.modelstore.right."""


def pinnable(workspace: Workspace, name: str, asks: str = "") -> tuple[TeamStore, ModelFolder]:
    """Store and newest version. Raises BadData where no answer is right or wrong, or something else than ``asks``."""
    store = team_store(workspace)
    version = store.newest(name)
    kind, model = task(version.entry.task), ModelFolder.read(store.folder(name, version.number))
    needed = rule(kind, model).asks
    if asks and needed != asks:
        raise BadData(f"A model of the task {kind.title} is held to its pictures by {WAYS[needed]}.")
    return store, model


def asks(workspace: Workspace, name: str) -> tuple[str, str]:
    """What a pinned picture needs (label, values, target), and what the limit of a slice is; that may be empty."""
    _, model = pinnable(workspace, name)
    found = rule(task(model.network.task), model)
    return found.asks, found.limit


def pin_slice(workspace: Workspace, user: str, name: str, dataset: str, split: str = "val", label: str = "",
              at_least: float = 0.9, limit: float | None = None) -> Json:
    """Pin a class of a dataset's split (no label: all of it) to a share that must be right, 0..1.

    Numbers are right when they are at most ``limit`` away (the label is a column), pictures with a PSNR of ``limit``.
    """
    authorize(user, "create")
    store, model = pinnable(workspace, name)
    kind = task(model.network.task)
    if not kind.names_labels and not kind.held:
        raise BadData(f"Classes of a dataset cannot be pinned to a model of the task {kind.title}; pictures can.")
    try:
        view = of_kind(workspace, dataset, Kind.DATASET)
        facts = manifest(view)
    except (NotFound, BadData) as error:
        raise InvalidOptions([Problem("dataset", str(error))]) from None
    problems = _slice_problems(kind, model, view.name, facts, split, label, at_least)
    if kind.held and not (limit is not None and 0 < limit < math.inf):
        problems.append(Problem("limit", LIMIT))
    if limit is not None and not kind.held:
        problems.append(Problem("limit", "These answers are right or wrong; nothing is between."))
    if problems:
        raise InvalidOptions(problems)
    needed = rule(kind, model).asks
    columns = facts["labels"] if needed == "values" else []
    wanted = {"limit": limit, "columns": columns} if kind.held else {}
    return Pins(store, name).add_slice(view.id, view.name, split, label, at_least, user, wanted)


def _slice_problems(kind: Task, model: ModelFolder, name: str, facts: Json, split: str, label: str, at_least: float
                    ) -> list[Problem]:
    labels = ["", *(facts["labels"] if rule(kind, model).asks != "target" else [])]
    return [problem for good, problem in (
        (facts["task"] == kind.learns_from, Problem("dataset", f"'{name}' is a dataset of another task.")),
        (split in facts["splits"], Problem("split", f"'{name}' has {', '.join(facts['splits'])}.")),
        (label in labels, Problem("label", f"'{name}' has no label {label[:60]!r}.")),
        (set(facts["labels"]) <= set(model.labels), Problem("dataset", f"'{name}' has other labels.")),
        (0 < at_least <= 1, Problem("at_least", "A share between 0 and 1 is needed."))) if not good]


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


def labels(workspace: Workspace, name: str) -> list[str]:
    """The labels of a published model's newest version."""
    store = team_store(workspace)
    return list(ModelFolder.read(store.folder(name, store.newest(name).number)).labels)
