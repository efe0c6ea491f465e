"""The command that writes event files for TensorBoard."""

import time
from pathlib import Path
from typing import Annotated

import typer

from digits_core.cli.program import AsJson, app, settings
from digits_core.cli.waiting import print_json
from digits_core.services import eventfiles
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
