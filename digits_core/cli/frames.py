"""The command that writes frames of videos as picture files."""

import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from digits_core.cli.create import Group, Name
from digits_core.cli.flags import given_values, whole_path, with_options
from digits_core.cli.identity import acting_user
from digits_core.cli.program import AsJson, User, Wait, app, complain, settings
from digits_core.cli.waiting import finish
from digits_core.data.video_options import FramesJobOptions
from digits_core.errors import InvalidOptions, Problem
from digits_core.services import frames as service
from digits_core.services.workspace import Workspace


@app.command()
@with_options(FramesJobOptions)
def frames(
    name: Name = "", group: Group = "", user: User = "", wait: Wait = False, as_json: AsJson = False,
    to: Annotated[Path | None, typer.Option(metavar="DIR", help="Copy the pictures there (with --wait).")] = None,
    **options: Any,
) -> None:
    """Write frames of a video, or of all videos of a folder, as picture files."""
    workspace = Workspace.open(settings())
    if to is not None and not wait:
        raise InvalidOptions([Problem("to", "needs --wait: the pictures are not there at once.")])
    values = given_values(FramesJobOptions, flags=options)
    source = whole_path(str(values.get("videos", "")))
    view = service.create(workspace, acting_user(workspace, user),
                          name or f"Frames of {Path(source).name or 'videos'}"[:200], values, group)
    finish(workspace, view, wait, as_json)
    for row in service.videos(workspace, view.id) if wait else ():
        complain(f"{row['video']}: {row.get('error') or str(row['pictures']) + ' pictures'}")
    if to is not None:
        shutil.copytree(service.folder(workspace, view.id), to, dirs_exist_ok=True)
        complain(f"Pictures: {to}")
