"""The command that asks about the frames of a video."""

import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from digits_core.cli.classify import ModelId
from digits_core.cli.create import Group, Name
from digits_core.cli.flags import given_values, whole_path, with_options
from digits_core.cli.identity import acting_user
from digits_core.cli.program import AsJson, User, Wait, app, complain, settings
from digits_core.cli.waiting import finish
from digits_core.errors import InvalidOptions, Problem
from digits_core.infer.options import VideoOptions
from digits_core.jobs.model import Status
from digits_core.services import videos
from digits_core.services.workspace import Workspace


@app.command("classify-video")
@with_options(VideoOptions)
def classify_video(
    model: ModelId, name: Name = "", group: Group = "", user: User = "", wait: Wait = False, as_json: AsJson = False,
    draw: Annotated[list[str], typer.Option("--option", metavar="NAME=VALUE", help="How answers are drawn: "
                                            "threshold=0.3, opacity=0.5, top=3.")] = [],  # noqa: B006
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the annotated video there, as mp4 (with "
                                             "--wait).")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write a table of all frames there (with --wait).")] = None,
    **options: Any,
) -> None:
    """Ask about the frames of a video as a job: an annotated video, and a table of all frames."""
    workspace = Workspace.open(settings())
    given = (("out", out), ("csv", csv))
    if not wait and (early := [field for field, path in given if path is not None]):
        raise InvalidOptions([Problem(field, "needs --wait: it is not there at once.") for field in early])
    values = given_values(VideoOptions, flags=options)
    values["video"] = whole_path(str(values.get("video", "")))
    view = videos.create(workspace, acting_user(workspace, user), model,
                         name or Path(values["video"]).name[:200] or "video", values, group, None,
                         dict(word.partition("=")[::2] for word in draw))
    try:
        finish(workspace, view, wait, as_json)
    finally:
        if csv is not None:
            with csv.open("wb") as file:
                file.writelines(videos.csv(workspace, view.id))
            complain(f"Frames: {csv}")
        if out is not None and workspace.store.get(view.id).status is Status.DONE:
            shutil.copyfile(videos.film(workspace, view.id), out)
            complain(f"Video: {out}")
