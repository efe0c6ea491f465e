"""Commands on pretrained networks: list them, get published weights."""

from typing import Annotated

import typer

from digits_core.cli.create import Group, Name
from digits_core.cli.identity import acting_user
from digits_core.cli.program import AsJson, User, Wait, app, settings
from digits_core.cli.waiting import finish, print_json
from digits_core.services import weights
from digits_core.services.workspace import Workspace


@app.command("networks")
def list_networks(
    search: Annotated[str, typer.Argument(metavar="TEXT", help="Only those whose name or title has it.")] = "",
    as_json: AsJson = False,
) -> None:
    """List the networks with their parameters, work and published weights; * marks weights that are here."""
    rows = [row for row in weights.networks(Workspace.open(settings()))
            if search.lower() in row["name"] or search.lower() in row["title"].lower()]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        size = f"{row['parameters'] / 1e6:8.1f} M {row['gflops']:8.2f} GFLOPs" if row["parameters"] else " " * 26
        found = ", ".join(f"{one['tag']}{'*' if one['on_disk'] or one['ready'] else ''} {100 * one['accuracy']:.1f} % "
                          f"{one['bytes'] / 1e6:.0f} MB" for one in row["weights"])
        print(f"{row['name']:<20} {size}  {found}")


@app.command("get-weights")
def get_weights(
    network: Annotated[str, typer.Argument(metavar="NETWORK", help="A name that `networks` lists.")],
    tag: Annotated[str, typer.Option("--weights", metavar="TAG", help="Which, if there are several.")] = "DEFAULT",
    name: Name = "", group: Group = "", user: User = "", wait: Wait = False, as_json: AsJson = False,
) -> None:
    """Get weights that torchvision publishes as a model: from this server's folder, else from the internet."""
    workspace = Workspace.open(settings())
    finish(workspace, weights.fetch_weights(workspace, acting_user(workspace, user), network, tag, name, group), wait,
           as_json)
