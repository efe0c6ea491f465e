"""Commands that show what a network has learned: its weights, and the pictures that excite its units most."""

from pathlib import Path
from typing import Annotated, Any

import typer

from digits_core.cli.classify import Checkpoint, write_layers
from digits_core.cli.create import Group, Name
from digits_core.cli.flags import given_values, with_options
from digits_core.cli.identity import acting_user
from digits_core.cli.program import AsJson, User, Wait, app, complain, settings
from digits_core.cli.waiting import finish, print_json
from digits_core.errors import InvalidOptions, Problem
from digits_core.infer.maxima import file_name
from digits_core.infer.options import AscentOptions
from digits_core.services import maxima
from digits_core.services.workspace import Workspace

ModelId = Annotated[str, typer.Argument(metavar="MODEL", help="Id of a trained or imported model.")]


@app.command()
def weights(
    model: ModelId, checkpoint: Checkpoint = "best",
    to: Annotated[Path | None, typer.Option(metavar="DIR", help="Write their pictures and statistics there.")] = None,
    user: User = "", as_json: AsJson = False,
) -> None:
    """Show what every layer of a model has learned, and its units."""
    workspace = Workspace.open(settings())
    found = maxima.weights(workspace, acting_user(workspace, user), model, checkpoint, None if to is None else "jet")
    if to is not None:
        write_layers(to, found)
    if as_json:
        print_json(found)
        return
    for row in found["layers"]:
        shape = " x ".join(map(str, row["shape"]))
        print(f"{row['name']:<32} {row['type']:<18} {shape:<18} {row['parameters']:>12,}  "
              f"mean {row['mean']:.3g}, std {row['std']:.3g}")
    print("Units: " + ", ".join(f"{name} {count}" for name, count in found["units"].items()))


@app.command("max-activations")
@with_options(AscentOptions)
def max_activations(
    model: ModelId, name: Name = "", group: Group = "", user: User = "", wait: Wait = False, as_json: AsJson = False,
    to: Annotated[Path | None, typer.Option(metavar="DIR", help="Write the pictures there (with --wait).")] = None,
    **options: Any,
) -> None:
    """Make, for units of a layer, the picture that excites each most, as a job."""
    workspace = Workspace.open(settings())
    if to is not None and not wait:
        raise InvalidOptions([Problem("to", "needs --wait: the pictures are not there at once.")])
    values = given_values(AscentOptions, flags=options)
    view = maxima.create(workspace, acting_user(workspace, user), model, name, values, group)
    try:
        finish(workspace, view, wait, as_json)
    finally:
        if to is not None:
            to.mkdir(parents=True, exist_ok=True)
            rows = maxima.made(workspace, view.id, 0, 10**6).rows
            for row in rows:
                path = to / file_name(str(view.job.options["layer"]), row["unit"])
                path.write_bytes(maxima.picture(workspace, view.id, row["unit"]))
            complain(f"{len(rows)} pictures: {to}")
