"""Services on datasets: create one, and read what a finished one holds."""

import shutil
import time
from pathlib import Path
from typing import Any

from digits_core.errors import InvalidOptions, Problem
from digits_core.jobs.model import Job, Kind
from digits_core.jobs.store import JobView
from digits_core.options import check
from digits_core.services.access import authorize
from digits_core.services.jobs import checked_name
from digits_core.services.workspace import Workspace
from digits_core.tasks import task as get_task

Json = dict[str, Any]


def create_dataset(workspace: Workspace, user: str, task: str, name: str, options: Json, group: str = "",
                   upload: Path | None = None) -> JobView:
    """Check everything and put a dataset build into the queue.

    ``upload`` is an archive that the server itself received; it is moved into the job folder and stands for the
    ``archive`` option. Raises InvalidOptions with every problem at its field.
    """
    authorize(user, "create")
    roots = [*workspace.settings.data_roots, *([upload.parent] if upload and workspace.settings.data_roots else [])]
    if upload is not None:
        options = {**options, "method": "archive", "archive": str(upload)}
    checked = check(get_task(task).dataset_options, options, roots).model_dump(mode="json")
    job_id = workspace.store.new_id()
    if upload is not None:
        checked["archive"] = f"job:upload/{upload.name}"
    job = Job(job_id, Kind.DATASET, task, checked_name(name), user, time.time(), checked, (), group.strip())

    def fill(hidden: Path) -> None:
        if upload is not None:
            (hidden / "upload").mkdir()
            shutil.move(upload, hidden / "upload" / upload.name)

    workspace.store.submit(job, fill)
    return workspace.store.get(job_id)


def require_done(view: JobView) -> None:
    """Raise InvalidOptions at the field ``dataset`` unless the dataset is usable now or will be."""
    if view.status.is_final and view.status != "done":
        raise InvalidOptions([Problem("dataset", f"The dataset '{view.name}' {view.status}: {view.state.reason}")])
