"""Commands on pins of answers that are no labels: numbers that must be near enough, pictures that must be alike."""

from pathlib import Path
from typing import Annotated, Any

import typer

from digits_core.cli.flags import whole_path
from digits_core.cli.identity import acting_user
from digits_core.cli.program import User, settings
from digits_core.cli.store import Published, commands
from digits_core.errors import InvalidOptions, Problem
from digits_core.services import inference, pin_wants
from digits_core.services.workspace import Workspace


@commands.command("pin-values")
def pin_values(
    name: Published,
    value: Annotated[list[str], typer.Option(metavar="NAME=NUMBER+-OFF", help="A number that is wanted, and how far it "
                                             "may be off, in its own units: x=12+-0.5. May be given again.")],
    images: Annotated[list[str], typer.Argument(metavar="IMAGE...", help="Pictures, or their addresses.")],
    user: User = "",
) -> None:
    """Pin pictures of which every new version of a published model must tell these numbers."""
    workspace, values = Workspace.open(settings()), [_value(text) for text in value]
    found = inference.load_images(workspace, [whole_path(image) for image in images])
    made = pin_wants.pin_values(workspace, acting_user(workspace, user), name,
                                [(Path(text).name, data) for text, data in found], values)
    print(f"{len(made)} pinned to {name}.")


def _value(text: str) -> dict[str, Any]:
    """One number.

    >>> _value("x=12+-0.5")
    {'label': 'x', 'value': 12.0, 'within': 0.5}
    """
    label, _, rest = text.rpartition("=")
    number, _, within = rest.partition("+-")
    try:
        return {"label": label, "value": float(number), "within": float(within)}
    except ValueError:
        raise InvalidOptions([Problem("value", f"Such as x=12+-0.5 is needed (got {text[:60]!r}).")]) from None


@commands.command("pin-target")
def pin_target(
    name: Published, image: Annotated[str, typer.Argument(metavar="IMAGE", help="A picture, or its address.")],
    target: Annotated[str, typer.Option(metavar="IMAGE", help="What is to be made of it; left out: what the newest "
                                                              "version makes of it now.")] = "",
    psnr: Annotated[float, typer.Option(help="In dB: so much like the target at least.")] = pin_wants.LIKE,
    user: User = "",
) -> None:
    """Pin a picture of which every new version of a published model must make another one."""
    workspace = Workspace.open(settings())
    found = [(Path(text).name, data) for text, data in inference.load_images(
        workspace, [whole_path(path) for path in (image, target) if path])]
    made = pin_wants.pin_target(workspace, acting_user(workspace, user), name, found[0],
                                found[1] if target else None, psnr)
    print(f"{made['id']} pinned to {name}.")
