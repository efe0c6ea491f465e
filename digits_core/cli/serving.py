"""Commands about models that answer: which are loaded, and publishing one to another server."""

import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from digits_core.cli.flags import given_values, with_options
from digits_core.cli.identity import acting_user
from digits_core.cli.program import AsJson, JobId, User, app, settings
from digits_core.cli.waiting import print_json
from digits_core.export.publishing import PublishOptions
from digits_core.services import publish, serving
from digits_core.services.workspace import Workspace


@app.command("serving")
def loaded(as_json: AsJson = False) -> None:
    """The models that are loaded now: checkpoint, device, memory, requests, p50 and p95 in milliseconds."""
    found = serving.loaded(Workspace.open(settings()))
    for row in found if not as_json else ():
        p50, p95 = (f"{row[name]:.1f}" if row[name] is not None else "-" for name in ("p50_ms", "p95_ms"))
        print(f"{row['model']}  epoch {row['epoch']:g}  {row['device']}  {row['bytes'] / 1e6:.1f} MB  "
              f"{row['requests']} requests  p50 {p50} ms  p95 {p95} ms  {row['name']}")
    if as_json:
        print_json(found)
    elif not found:
        print("No model is loaded; one is when it is asked.")


@app.command("publish-inference")
@with_options(PublishOptions)
def publish_inference(
    model: JobId, out: Annotated[Path | None, typer.Option(help="Where the archive goes (a file).")] = None,
    user: User = "", as_json: AsJson = False, **options: Any,
) -> None:
    """Publish a finished export of a model to an inference server: its repository, its address, or as an archive."""
    workspace = Workspace.open(settings())
    told = publish.publish(workspace, acting_user(workspace, user), model, given_values(PublishOptions, flags=options))
    if path := told.pop("path", ""):
        told["file"] = str(shutil.move(path, out or Path(path).name))
    print(f"{told['name']}: {told.get('file') or told.get('folder') or told.get('location') or 'published'}")
    if as_json:
        print_json(told)
