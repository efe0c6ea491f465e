"""The command that takes a model along, for other programs."""

import shutil
from pathlib import Path
from typing import Annotated, Any

import typer

from digits_core.cli.create import Group, Name
from digits_core.cli.flags import given_values, with_options
from digits_core.cli.identity import acting_user
from digits_core.cli.program import AsJson, User, Wait, app, complain, settings
from digits_core.cli.waiting import finish
from digits_core.errors import InvalidOptions, Problem
from digits_core.export.options import ExportOptions
from digits_core.modelstore.packing import KINDS
from digits_core.services import exports as service
from digits_core.services.workspace import Workspace


@app.command("export")
@with_options(ExportOptions)
def export(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Id of a trained or imported model.")],
    name: Name = "", group: Group = "", user: User = "", wait: Wait = False, as_json: AsJson = False,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help=f"Write the archive there (with --wait): "
                                             f"{', '.join(KINDS)}; a folder: a zip under its own name.")] = None,
    **options: Any,
) -> None:
    """Make ONNX and other files of a model, check each against PyTorch, and pack them with all they need."""
    workspace = Workspace.open(settings())
    kind = "zip" if out is None or out.is_dir() else next((kind for kind in KINDS if out.name.endswith(f".{kind}")), "")
    if not kind or (out is not None and not wait):
        raise InvalidOptions([Problem("out", f"ends in {', '.join(KINDS)}." if not kind else
                                      "needs --wait: the archive is not there at once.")])
    view = service.create(workspace, acting_user(workspace, user), model,
                          given_values(ExportOptions, flags=options), name, group)
    try:
        finish(workspace, view, wait, as_json)
    finally:
        for row in service.report(workspace, view.id).get("variants", ()):
            metric = "" if row["metric"] is None else f"measure {row['metric']:.4f}, "
            complain(f"{row['file']:<20} {row['bytes'] / 1e6:8.2f} MB  agreement {row['agreement']:.2%}  {metric}"
                     f"p50 {row['p50_ms']} ms, p95 {row['p95_ms']} ms  {row['reason']}")
    if out is not None:
        path = service.archive(workspace, acting_user(workspace, user), view.id, kind)
        out = out / path.name if out.is_dir() else out
        shutil.copyfile(path, out)
        complain(f"Archive: {out}")
