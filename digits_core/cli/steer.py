"""Commands on a training: try it out, finish it, change its rate, go on; what augmentation and fine-tuning do."""

from pathlib import Path
from typing import Annotated, Any

import typer

from digits_core.cli.flags import given_values, training_options, with_options
from digits_core.cli.identity import acting_user
from digits_core.cli.program import AsJson, JobId, User, Wait, app, settings
from digits_core.cli.waiting import finish, print_json, report
from digits_core.jobs.model import Kind
from digits_core.services import augmentation, jobs, models, rehearsal, steering
from digits_core.services.workspace import Workspace
from digits_core.train.augment_options import AugmentOptions


@app.command("finish")
def finish_now(job_id: JobId, user: User = "", wait: Wait = False, as_json: AsJson = False) -> None:
    """End a running training after its current step and keep what it has learned."""
    workspace = Workspace.open(settings())
    finish(workspace, steering.finish_now(workspace, acting_user(workspace, user), job_id), wait, as_json)


@app.command("change-rate")
def change_rate(job_id: JobId, factor: Annotated[float, typer.Argument(metavar="FACTOR", help="0.1: a tenth.")],
                user: User = "", as_json: AsJson = False) -> None:
    """Multiply the learning rate of a running training from its next step on."""
    workspace = Workspace.open(settings())
    report(steering.change_rate(workspace, acting_user(workspace, user), job_id, factor), as_json)


@app.command("more-epochs")
def more_epochs(job_id: JobId, epochs: Annotated[int, typer.Argument(metavar="EPOCHS")], user: User = "",
                wait: Wait = False, as_json: AsJson = False) -> None:
    """Let an ended training go on for more epochs: same job, same curves."""
    workspace = Workspace.open(settings())
    finish(workspace, steering.more_epochs(workspace, acting_user(workspace, user), job_id, epochs), wait, as_json)


@app.command("start-report")
def start_report(job_id: JobId, as_json: AsJson = False) -> None:
    """Say which tensors a fine-tuned model took from an earlier one, and which are new."""
    workspace = Workspace.open(settings())
    found = models.start_report(jobs.of_kind(workspace, job_id, Kind.MODEL, Kind.PRETRAINED))
    if as_json:
        print_json(found)
        return
    for line in found.get("tensors", ()):
        print(f"{line['state']:<8}{line['name']} ({line['size']}){' ' + line['why'] if line['why'] else ''}")
    if not found:
        print("It began from scratch.")


@app.command("preview-augmentation")
@with_options(AugmentOptions)
def preview_augmentation(
    dataset: Annotated[str, typer.Option("--dataset", metavar="ID", help="Id of a finished dataset.")],
    target: Annotated[Path, typer.Argument(metavar="FILE", help="The PNG to write.")],
    preview_seed: Annotated[int, typer.Option("--seed", min=0, help="Other pictures, other changes.")] = 0,
    crop: Annotated[int | None, typer.Option("--crop", min=1, help="Crop size of the training.")] = None,
    user: User = "", as_json: AsJson = False, **options: Any,
) -> None:
    """Draw four training pictures, each four times as training would see it, into one PNG."""
    workspace = Workspace.open(settings())
    values = {**given_values(AugmentOptions, flags=options), "crop": crop}
    pictures = augmentation.augmentation_preview(workspace, acting_user(workspace, user), dataset, values, preview_seed)
    target.write_bytes(augmentation.sheet(pictures))
    print(target)
    if as_json:
        print_json({"file": str(target), "pictures": len(pictures)})


@app.command("try-out")
@with_options(*training_options())
def try_out(
    dataset: Annotated[str, typer.Option("--dataset", metavar="ID", help="Id of a finished dataset.")],
    find_rate: Annotated[bool, typer.Option("--find-rate", help="Also look for a learning rate.")] = False,
    user: User = "", as_json: AsJson = False, **options: Any,
) -> None:
    """Do a few steps of a training and tell how long all of it will take, and the memory and disk it needs."""
    workspace = Workspace.open(settings())
    values = given_values(*training_options(), flags=options)
    found = rehearsal.rehearse(workspace, acting_user(workspace, user), dataset, values, find_rate)
    if as_json:
        print_json(found)
        return
    for name, words in rehearsal.describe(found).items():
        print(f"{name}: {words}")
