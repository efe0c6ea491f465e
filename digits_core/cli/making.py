"""Commands on models that make pictures: samples from their training, and what they make now."""

from pathlib import Path
from typing import Annotated, Any

import typer

from digits_core.cli.classify import Checkpoint, write_pictures
from digits_core.cli.flags import given_values, whole_path, with_options
from digits_core.cli.identity import acting_user
from digits_core.cli.maxima import ModelId
from digits_core.cli.program import AsJson, User, app, complain, settings
from digits_core.cli.waiting import print_json
from digits_core.infer.making import MakeOptions
from digits_core.services import inference, making
from digits_core.services.workspace import Workspace
from digits_core.views import to_json

Json = dict[str, Any]
To = Annotated[Path, typer.Option("--to", metavar="DIR", help="Where the pictures are written.")]


@app.command()
def samples(
    model: ModelId, to: To,
    epoch: Annotated[str, typer.Option(help="last, an epoch such as 12, or all.")] = "last",
) -> None:
    """Write the sheets of pictures that a model made while it learned."""
    workspace = Workspace.open(settings())
    known = [f"{found:g}" for found in making.samples(workspace.store.get(model))]
    to.mkdir(parents=True, exist_ok=True)
    for one in known if epoch == "all" else [known[-1] if epoch == "last" and known else epoch]:
        path = to / f"epoch-{one}.png"
        path.write_bytes(making.sample(workspace, model, one))
        complain(f"Samples: {path}")


@app.command()
@with_options(MakeOptions)
def make(
    model: ModelId, to: To,
    images: Annotated[list[str] | None, typer.Argument(metavar="[IMAGE]...", help="Pictures to begin with.")] = None,
    checkpoint: Checkpoint = "best", user: User = "", as_json: AsJson = False, **options: Any,
) -> None:
    """Let a generator make pictures: a grid, a class sweep, an interpolation, an analogy."""
    workspace = Workspace.open(settings())
    values: Json = given_values(MakeOptions, flags=options)
    pictures = inference.load_images(workspace, [whole_path(image) for image in images or ()])
    panels = making.make(workspace, acting_user(workspace, user), model, values, pictures, checkpoint)
    write_pictures(to, str(values.get("method", "grid")), panels)
    if as_json:
        print_json(list(map(to_json, panels)))
