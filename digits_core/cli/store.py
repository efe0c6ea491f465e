"""Commands on model stores: what they offer, import; and the team's own: publish, versions, pins."""

from pathlib import Path
from typing import Annotated, Any

import typer

from digits_core.cli.classify import Checkpoint
from digits_core.cli.create import Group, Name
from digits_core.cli.flags import given_values, whole_path, with_options
from digits_core.cli.identity import acting_user
from digits_core.cli.program import AsJson, ReportingGroup, User, Wait, app, complain, settings
from digits_core.cli.waiting import finish, print_json
from digits_core.modelstore.options import PublishOptions
from digits_core.modelstore.right import sliced, told
from digits_core.services import inference, modelstore, pins, store, team
from digits_core.services.workspace import Workspace

commands = typer.Typer(cls=ReportingGroup, no_args_is_help=True, rich_markup_mode=None)
app.add_typer(commands, name="store", help="Model stores: list, import, publish, pin.")

ModelId = Annotated[str, typer.Argument(metavar="MODEL", help="Id of a model.")]
Published = Annotated[str, typer.Argument(metavar="NAME", help="Name of a published model.")]


@commands.command("list")
def list_models(
    search: Annotated[str, typer.Argument(metavar="TEXT", help="Only those whose name or note has it.")] = "",
    update: Annotated[bool, typer.Option("--update", help="Read the stores again first.")] = False,
    as_json: AsJson = False,
) -> None:
    """List what the model stores offer, as they were last read (a day ago at most), and our own published models."""
    workspace = Workspace.open(settings())
    due = [shop["address"] for shop in store.stores(workspace) if update or shop["state"] == "unread"]
    store.refresh(workspace, due)
    shops, own = store.stores(workspace), team.published(workspace)
    if as_json:
        print_json({"stores": shops, "published": own})
        return
    for shop in shops:
        print(f"{shop['address']}  {shop['message']}")
        if shop["reason"]:
            complain(f"{shop['address']} cannot be reached: {shop['reason']}")
        _print([model for model in shop["models"] if search.lower() in f"{model['name']} {model['note']}".lower()])
    print(f"Our team: {workspace.settings.team_folder}")
    _print([version for model in own for version in model["versions"] if search.lower() in model["name"]])


def _print(models: list[dict[str, Any]]) -> None:
    for model in models:
        facts = [f"v{model['version']}" if model["version"] else "", "verified" if model["verified"] else "unverified",
                 model["task"] or model["framework"], f"{model['bytes'] / 1e6:.1f} MB" if model["bytes"] else "",
                 model["license"], model["problem"]]
        print(f"  {model['id']}  {model['name']}  ({', '.join(filter(None, facts))})  {model['note'][:60]}")


@commands.command("import")
def import_entry(
    entry: Annotated[str, typer.Argument(metavar="ENTRY", help="Id that `store list` shows.")],
    allow_code: Annotated[bool, typer.Option("--allow-code", help="Let a custom network's code run here.")] = False,
    name: Name = "", group: Group = "", user: User = "", wait: Wait = False, as_json: AsJson = False,
) -> None:
    """Fetch a model of a store and install it; files that are not what the store listed are refused."""
    workspace = Workspace.open(settings())
    finish(workspace, store.import_entry(workspace, acting_user(workspace, user), entry, name, group, allow_code),
           wait, as_json)


@commands.command()
@with_options(PublishOptions)
def publish(model: ModelId, checkpoint: Checkpoint = "best", user: User = "", wait: Wait = False,
            as_json: AsJson = False, **options: Any) -> None:
    """Make a checkpoint the next version of a published model, if it gets everything right that is pinned."""
    workspace = Workspace.open(settings())
    values = given_values(PublishOptions, flags=options)
    finish(workspace, team.publish(workspace, acting_user(workspace, user), model, values, checkpoint), wait, as_json)


@commands.command()
def unpublish(name: Published, version: Annotated[int, typer.Argument(metavar="VERSION")], user: User = "") -> None:
    """Take a version out of the team's store; its number is never used again."""
    workspace = Workspace.open(settings())
    team.unpublish(workspace, acting_user(workspace, user), name, version)
    print(f"{name} v{version} is not in the store any more.")


@commands.command("pins")
def list_pins(name: Published, as_json: AsJson = False) -> None:
    """List what every new version of a published model must get right."""
    found = pins.pins(Workspace.open(settings()), name)
    if as_json:
        print_json(found)
        return
    for pin in found["pictures"]:
        print(f"{pin['id']}  {pin['name']}  {'shows ' if 'label' in pin else ''}{told(pin)}")
    for pin in found["slices"]:
        print(f"{pin['id']}  {sliced(pin)}: at least {pin['at_least']:.0%}")


@commands.command()
def pin(
    name: Published, label: Annotated[str, typer.Option(help="What is to be found in them.")],
    images: Annotated[list[str], typer.Argument(metavar="IMAGE...", help="Pictures, or their addresses.")],
    user: User = "",
) -> None:
    """Pin pictures that every new version of a published model must get right."""
    workspace = Workspace.open(settings())
    found = inference.load_images(workspace, [whole_path(image) for image in images])
    made = pins.pin_pictures(workspace, acting_user(workspace, user), name,
                             [(Path(text).name, data) for text, data in found], label)
    print(f"{len(made)} pinned to {name}.")


@commands.command("pin-class")
def pin_class(
    name: Published, dataset: Annotated[str, typer.Option(metavar="ID", help="Id of a dataset.")],
    split: Annotated[str, typer.Option(help="train, val or test.")] = "val",
    label: Annotated[str, typer.Option(help="A class; left out: every class.")] = "",
    at_least: Annotated[float, typer.Option(help="Share 0..1 that must be right.")] = 0.9,
    limit: Annotated[float | None, typer.Option(help="How far numbers may be off (--label: a column), in their own "
                                                     "units, or the least PSNR of pictures in dB.")] = None,
    user: User = "",
) -> None:
    """Pin a class of a dataset to a share that every new version must get right."""
    workspace = Workspace.open(settings())
    made = pins.pin_slice(workspace, acting_user(workspace, user), name, dataset, split, label, at_least,
                          limit)
    print(f"{made['id']} pinned to {name}.")


@commands.command()
def unpin(name: Published, pin_id: Annotated[str, typer.Argument(metavar="PIN")], user: User = "") -> None:
    """Forget a pin."""
    workspace = Workspace.open(settings())
    pins.unpin(workspace, acting_user(workspace, user), name, pin_id)
    print(f"{pin_id} is not pinned any more.")


@app.command("make-pretrained")
def make_pretrained(model: ModelId, checkpoint: Checkpoint = "best", name: Name = "", group: Group = "",
                    user: User = "", wait: Wait = False, as_json: AsJson = False) -> None:
    """Make a pretrained model of a checkpoint: a copy that stays when the training is deleted."""
    workspace = Workspace.open(settings())
    finish(workspace, modelstore.make_pretrained(workspace, acting_user(workspace, user), model, checkpoint, name,
                                                 group), wait, as_json)
