"""Commands that write what other programs show: event files for TensorBoard, timelines for Perfetto."""

import shutil
import time
from pathlib import Path
from typing import Annotated

import typer

from digits_core.cli.program import AsJson, JobId, app, settings
from digits_core.cli.waiting import print_json
from digits_core.jobs.model import Kind
from digits_core.services import eventfiles, jobs, timeline
from digits_core.services.workspace import Workspace


@app.command()
def tensorboard(
    job_ids: Annotated[list[str], typer.Argument(metavar="ID...")],
    folder: Annotated[Path, typer.Option("--to", metavar="DIR", help="Folder to write below; give it to "
                                         "tensorboard --logdir.")] = Path("tensorboard"),
    follow: Annotated[bool, typer.Option("--follow", help="Go on writing until these trainings are over.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write the measurements of trainings as TensorBoard event files; written again, they grow by what is new."""
    workspace = Workspace.open(settings())
    while True:
        over = all(workspace.store.get(job_id).status.is_final for job_id in job_ids)  # before: the end is in the files
        paths = [eventfiles.write_events(workspace, job_id, folder) for job_id in job_ids]
        if over or not follow:
            break
        time.sleep(2)
    for path in paths if not as_json else ():
        print(path)
    if as_json:
        print_json({"files": [str(path) for path in paths]})


@app.command()
def trace(job_id: JobId, target: Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Write the "
          "timeline here, for https://ui.perfetto.dev or chrome://tracing.")] = None, as_json: AsJson = False) -> None:
    """Show the slowest operators of the steps that a training traced, and write its timeline."""
    workspace = Workspace.open(settings())
    path = timeline.trace_file(workspace, job_id)
    if target is not None:
        shutil.copyfile(path, target)
    found = timeline.operators(jobs.of_kind(workspace, job_id, Kind.MODEL))
    for row in found.get("operators", ()) if not as_json else ():
        print(f"{row['cpu_ms']:10.3f} ms CPU {row['gpu_ms']:10.3f} ms GPU {row['calls']:8.0f} x {row['name']}")
    if as_json:
        print_json(found)
