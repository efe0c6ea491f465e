"""The command that writes a dataset as files for other programs."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from digits_core.cli.flags import given_values, with_options
from digits_core.cli.identity import acting_user
from digits_core.cli.program import AsJson, JobId, User, app, settings
from digits_core.cli.waiting import Bar, print_json
from digits_core.data.hdf5_options import Hdf5Options
from digits_core.services.dataset_files import Hdf5Export
from digits_core.services.workspace import Workspace


@app.command()
@with_options(Hdf5Options)
def export_dataset(
    job_id: JobId,
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="A new or empty folder for the files.")],
    user: User = "", as_json: AsJson = False,
    **options: Any,
) -> None:
    """Write a dataset as HDF5 files: labels.txt, and for each split 0.h5 and so on with list.txt."""
    workspace = Workspace.open(settings())
    found = Hdf5Export(workspace, acting_user(workspace, user), job_id, given_values(Hdf5Options, flags=options))
    bar = Bar(sys.stderr)
    try:
        for done in found.into(to):
            bar.share(done / found.pictures, f"{done} of {found.pictures} pictures")
    finally:
        bar.close()
    print(to)
    if as_json:
        print_json({"folder": str(to), "pictures": found.pictures, "files": [part.name for part in found.parts]})
