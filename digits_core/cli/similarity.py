"""The command that compares two pictures."""

from typing import Annotated

import typer

from digits_core.cli.classify import Checkpoint, ModelId
from digits_core.cli.flags import whole_path
from digits_core.cli.identity import acting_user
from digits_core.cli.program import AsJson, User, app, settings
from digits_core.cli.waiting import print_json
from digits_core.services import inference, similarity
from digits_core.services.workspace import Workspace


@app.command("compare-pictures")
def compare_pictures(
    first: Annotated[str, typer.Argument(metavar="IMAGE", help="A picture file or an http(s) address.")],
    second: Annotated[str, typer.Argument(metavar="IMAGE", help="The other one.")],
    model: ModelId, checkpoint: Checkpoint = "best", user: User = "", as_json: AsJson = False,
) -> None:
    """How far apart a model of metric learning places two pictures, and whether they are of the same class."""
    workspace = Workspace.open(settings())
    (_, one), (_, other) = inference.load_images(workspace, [whole_path(first), whole_path(second)])
    found = similarity.compare_pictures(workspace, acting_user(workspace, user), model, (first, one), (second, other),
                                        checkpoint)
    verdict = {True: "the same class", False: "different classes", None: "not measured"}[found["same"]]
    print(f"distance {found['distance']:.4f}: {verdict}")
    if as_json:
        print_json(found)
