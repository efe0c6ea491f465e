"""A job as one YAML file that runs again elsewhere: what was asked for, of its dataset and of itself.

Data are not in it, but where they came from and a digest of what was made of them: the same dataset is recognised
elsewhere, whatever its id.
"""

import hashlib
import json
import time
from collections.abc import Iterator
from typing import Any

import yaml

import digits_core
from digits_core.errors import BadState
from digits_core.jobs.model import Kind, Status
from digits_core.jobs.store import JobView
from digits_core.services.access import authorize
from digits_core.services.bundles import chosen
from digits_core.services.workspace import Workspace

Json = dict[str, Any]
SCHEMA = 1
KEY = "digits_recipe"
ABOUT = """\
# A recipe of DIGITS: it makes these jobs again.  python -m digits_core run FILE
# Other folders there?  --data /old/folder=/new/folder
"""
MADE = ("task", "shape", "channels", "resize_mode", "encoding", "labels", "mean_pixel", "std_pixel", "used", "target")


def recipe(workspace: Workspace, user: str, job_id: str) -> str:
    """The recipe of a dataset or a model, with everything it was made from.

    Raises NotFound, and BadState for jobs of other kinds and for models that came as an archive.
    """
    views = chosen(workspace, job_id, needs=True)
    for view in views:
        authorize(user, "view", view)
        if not _can(view):
            raise BadState(f"'{view.name}' has no recipe: one is made of datasets, of trainings, and of published "
                           "weights. Move it as a bundle instead.")
    content = {KEY: SCHEMA, "made": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime()),
               "digits": digits_core.__version__, "jobs": [_part(view) for view in views]}
    return ABOUT + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)


def _can(view: JobView) -> bool:
    options = view.job.options
    fetched = view.job.kind is Kind.PRETRAINED and set(options) == {"network", "weights"}
    return fetched or (view.job.kind in (Kind.DATASET, Kind.MODEL) and bool(view.job.task))


def _part(view: JobView) -> Json:
    part = {"id": view.id, "kind": str(view.job.kind), "task": view.job.task, "name": view.name, "group": view.group,
            "options": view.job.options}
    if ran := dict(_versions(view)):
        part["ran_with"] = ran
    if made := digest(view):
        part["made"] = {"digest": made, "pictures": view.folder.manifest().get("used")}
    return part


def _versions(view: JobView) -> Iterator[tuple[str, str]]:
    """What it ran with, as its worker noted it."""
    for name, value in ((view.attempt.launch or {}) if view.attempt else {}).items():
        if name in ("python", "digits", "torch", "torchvision", "numpy", "cuda") and isinstance(value, str):
            yield name, value


def digest(view: JobView) -> str:
    """SHA-256 of what a dataset is: classes, counts, and the mean of all its pictures; empty for one not finished.

    The same pictures with the same options give the same digest on every machine.
    """
    facts = view.folder.manifest()
    if view.job.kind is not Kind.DATASET or view.status is not Status.DONE or facts.get("complete") is not True:
        return ""
    splits = {name: [part.get("entries"), part.get("per_class")] for name, part in facts.get("splits", {}).items()}
    found = hashlib.sha256(json.dumps([splits, {name: facts.get(name) for name in MADE}], sort_keys=True).encode())
    mean = view.folder.path / "mean.npy"
    found.update(mean.read_bytes() if mean.is_file() else b"")
    return found.hexdigest()
