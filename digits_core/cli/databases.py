"""The command that looks into a database that somebody else made."""

from typing import Annotated

import typer

from digits_core.cli.flags import whole_path
from digits_core.cli.program import AsJson, app, complain, settings
from digits_core.cli.waiting import print_json
from digits_core.services import databases
from digits_core.services.workspace import Workspace


@app.command()
def analyze_db(
    database: Annotated[str, typer.Argument(metavar="DATABASE", help="The folder of an LMDB, or HDF5 files.")],
    only_count: Annotated[bool, typer.Option("--only-count", help="Say only how many entries there are.")] = False,
    same_shape: Annotated[bool, typer.Option("--force-same-shape", help="Fail when shapes differ.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say how many entries a database has, of which shapes and labels, and which cannot be used."""
    found = databases.analyze(Workspace.open(settings()), whole_path(database), only_count and not same_shape)
    print(f"Total entries: {found['entries']}")
    for shape, count in found.get("shapes", {}).items():
        print(f"{count} entries with the shape {shape} (WxHxC)")
    for label, count in found.get("labels", {}).items():
        print(f"{count} entries with the label {label}")
    for reason in found.get("reasons", ()):
        complain(reason)
    if as_json:
        print_json(found)
    if found.get("bad") or (same_shape and len(found["shapes"]) > 1):
        raise typer.Exit(1)
