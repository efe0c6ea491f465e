"""The command that makes a model of single files from elsewhere."""

from pathlib import Path
from typing import Annotated, Any

import typer

from digits_core.cli.create import Group, Name
from digits_core.cli.flags import given_values, whole_path, with_options
from digits_core.cli.identity import acting_user
from digits_core.cli.program import AsJson, User, Wait, app, settings
from digits_core.cli.waiting import finish
from digits_core.modelstore.upload_options import FilesOptions
from digits_core.services import foreign
from digits_core.services.workspace import Workspace


@app.command("import-files")
@with_options(FilesOptions)
def import_files(
    weights_file: Annotated[str, typer.Argument(metavar="FILE", help="A .caffemodel, or a state dict.")],
    name: Name = "", group: Group = "", user: User = "", wait: Wait = False, as_json: AsJson = False, **options: Any,
) -> None:
    """Make a model of weights (Caffe's or a state dict) and what builds their network; files stay where they are."""
    workspace = Workspace.open(settings())
    values = {**given_values(FilesOptions, flags=options), "file": whole_path(weights_file)}
    view = foreign.import_files(workspace, acting_user(workspace, user), name or Path(weights_file).stem, values, group)
    finish(workspace, view, wait, as_json)
