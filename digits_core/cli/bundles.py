"""Commands that move jobs between servers."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from digits_core import files
from digits_core.cli.flags import whole_path
from digits_core.cli.identity import acting_user
from digits_core.cli.program import AsJson, JobId, User, Wait, app, settings
from digits_core.cli.waiting import Bar, finish, print_json
from digits_core.services import bundles, imports, jobs
from digits_core.services.unbundle import unbundle as bring_in
from digits_core.services.workspace import Workspace


@app.command()
def bundle(
    job_id: JobId,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Where to write; a folder: under its own name.")],
    needs: Annotated[bool, typer.Option("--needs", help="Also the jobs it was made from.")] = False,
    state: Annotated[bool, typer.Option("--state", help="Also what a training needs to go on there.")] = False,
    user: User = "", as_json: AsJson = False,
) -> None:
    """Write a job into one file, for another server."""
    workspace = Workspace.open(settings())
    found = bundles.bundle(workspace, acting_user(workspace, user), job_id, needs, state)
    out = out / found.name if out.is_dir() else out
    bar, written = Bar(sys.stderr), 0
    with files.atomic(out) as file:
        for piece in found.pieces():
            file.write(piece)
            written += len(piece)
            bar.share(written / found.size, f"writing {found.size / 1e6:.0f} MB")
    bar.close()
    print(out)
    if as_json:
        print_json({**bundles.summary(found), "file": str(out)})


@app.command()
def unbundle(
    bundle_file: Annotated[Path, typer.Argument(metavar="FILE", help="What `bundle` wrote.")],
    allow_code: Annotated[bool, typer.Option("--allow-code", help="Let a custom network's code run here.")] = False,
    queue: Annotated[bool, typer.Option("--queue", help="As a job of the server, which reads the file then.")] = False,
    user: User = "", wait: Wait = False, as_json: AsJson = False,
) -> None:
    """Bring in the jobs of a bundle; the file itself stays where it is. Safe to repeat."""
    workspace = Workspace.open(settings())
    if queue:
        view = imports.create(workspace, acting_user(workspace, user), f"Import of {bundle_file.name}"[:200],
                              {"bundle": whole_path(str(bundle_file)), "allow_code": allow_code})
        finish(workspace, view, wait, as_json)
        return
    bar = Bar(sys.stderr)
    try:
        moved = bring_in(workspace, acting_user(workspace, user), bundle_file, allow_code,
                         lambda done, phase: bar.share(done, phase.lower()))
    finally:
        bar.close()
    for view in moved.jobs:
        known = " (was here)" if view.id in moved.known else ""
        print(f"{view.job.kind} {view.id} '{view.name}'{known}")
    if as_json:
        print_json({"jobs": [jobs.describe(view) for view in moved.jobs], "known": moved.known,
                    "renamed": moved.renamed})
