"""Commands on networks before a training: their source, and what they are made of."""

from typing import Annotated, Any

import typer

from digits_core.cli.flags import given_values, training_options, with_options
from digits_core.cli.identity import acting_user
from digits_core.cli.program import AsJson, User, app, settings
from digits_core.cli.waiting import print_json
from digits_core.services import networks
from digits_core.services.workspace import Workspace


@app.command("layers")
@with_options(*training_options())
def layers(
    dataset: Annotated[str, typer.Option("--dataset", metavar="ID", help="Id of a finished dataset.")],
    user: User = "", as_json: AsJson = False, **options: Any,
) -> None:
    """Show a network layer by layer, as it would be for a dataset: output, parameters, work."""
    workspace = Workspace.open(settings())
    values = given_values(*training_options(), flags=options)
    found = networks.layers(workspace, acting_user(workspace, user), dataset, values)
    if as_json:
        print_json(found)
        return
    for row in found["layers"]:
        shape = " x ".join(map(str, row["shape"]))
        print(f"{row['name']:<32} {row['type']:<18} {shape:<16} {row['parameters']:>12,} {row['flops']:>16,}")
    print(f"{found['parameters']:,} parameters, {found['flops']:,} flops for a picture")


@app.command("network-source")
def network_source(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A standard network, or the id of a model.")],
) -> None:
    """Print the Python source of a network, to change it and train it with --network custom --network-file."""
    print(networks.source(Workspace.open(settings()), name))
