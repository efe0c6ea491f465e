"""Services on models that came from elsewhere as single files: Caffe's, or a state dict with its network's source."""

import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from digits_core.errors import InvalidOptions
from digits_core.jobs.model import Job, Kind
from digits_core.jobs.store import JobView
from digits_core.modelstore.purpose import LARGEST, guess_task
from digits_core.modelstore.upload_options import FILES, FilesOptions
from digits_core.options import check
from digits_core.safe import safe_path
from digits_core.services.access import authorize
from digits_core.services.jobs import checked_name
from digits_core.services.networks import require_custom
from digits_core.services.workspace import Workspace

Json = dict[str, Any]


class Sent(NamedTuple):
    """An uploaded file: how its owner calls it, and where it lies now."""

    name: str
    path: Path


def import_files(workspace: Workspace, user: str, name: str, options: Json, group: str = "",
                 sent: Mapping[str, Sent] | None = None) -> JobView:
    """Make a model of single files: weights, a definition or known network, perhaps labels and a mean.

    Files are named in ``options`` (on the server) or ``sent`` by the same names; these are moved into the job. Raises
    InvalidOptions with every problem at its field; what is wrong inside of files is the job's reason.
    """
    authorize(user, "create")
    sent = sent or {}
    checked = check(FilesOptions, {**options, **dict.fromkeys(sent, "")}, workspace.settings.data_roots)
    names = {field: sent[field].name if field in sent else getattr(checked, field).strip() for field in FILES}
    if problems := checked.file_problems(names):
        raise InvalidOptions(problems)
    code = names["definition"].lower().endswith(".py")
    if code:
        require_custom(workspace)
    values, moves = checked.model_dump(mode="json"), {}
    for field, file in sent.items():
        moves[file.path] = f"upload/{field}{Path(file.name).suffix.lower()}"
        values[field] = f"job:{moves[file.path]}"
    task = checked.task if checked.task != "auto" else _guessed(workspace, checked, sent, names["definition"])
    job = Job(workspace.store.new_id(), Kind.PRETRAINED, task, checked_name(name), user, time.time(),
              {"files": values, "allow_code": code}, (), group.strip())

    def fill(hidden: Path) -> None:
        for path, place in moves.items():
            (hidden / "upload").mkdir(exist_ok=True)
            shutil.move(path, hidden / place)

    workspace.store.submit(job, fill)
    return workspace.store.get(job.id)


def _guessed(workspace: Workspace, checked: FilesOptions, sent: Mapping[str, Sent], definition: str) -> str:
    if not definition:
        return "classification"
    path = (sent["definition"].path if "definition" in sent else
            safe_path(checked.definition, workspace.settings.data_roots))
    try:
        with path.open("rb") as file:
            return guess_task(file.read(LARGEST))
    except OSError:
        return "classification"
