"""Commands on what a network sees in pictures: a map of a dataset, and the pictures most like one."""

from pathlib import Path
from typing import Annotated

import typer

from digits_core.cli.create import Name
from digits_core.cli.identity import acting_user
from digits_core.cli.program import AsJson, JobId, User, Wait, app, complain, settings
from digits_core.cli.waiting import finish, print_json
from digits_core.services import embeddings
from digits_core.services.workspace import Workspace


@app.command()
def embed(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Id of a trained or imported model.")],
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="Id of a dataset with the model's labels.")],
    split: Annotated[str, typer.Option(help="train, val or test.")] = "val",
    checkpoint: Annotated[str, typer.Option(help="best, last, or an epoch such as 12.")] = "best",
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many pictures.")] = None,
    npz: Annotated[Path | None, typer.Option(help="Write the features there as arrays (with --wait).")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write them there as CSV (with --wait).")] = None,
    name: Name = "", user: User = "", wait: Wait = False, as_json: AsJson = False,
) -> None:
    """Keep what a network sees in each picture of a dataset, and make a map of them."""
    workspace = Workspace.open(settings())
    view = embeddings.create_map(workspace, acting_user(workspace, user), model, dataset, split, name, checkpoint,
                                 limit)
    finish(workspace, view, wait, as_json)
    if wait:
        _write(workspace, view.id, npz, csv)


@app.command()
def features(job_id: JobId, npz: Annotated[Path | None, typer.Option(help="Arrays of NumPy.")] = None,
             csv: Annotated[Path | None, typer.Option(help="A table.")] = None) -> None:
    """Write the features that a job kept into a file."""
    _write(Workspace.open(settings()), job_id, npz, csv)


def _write(workspace: Workspace, job_id: str, npz: Path | None, csv: Path | None) -> None:
    if npz is not None:
        embeddings.as_npz(workspace, job_id, npz)
        complain(f"Features: {npz}")
    if csv is not None:
        with csv.open("wb") as file:
            file.writelines(embeddings.as_csv(workspace, job_id))
        complain(f"Features: {csv}")


@app.command()
def similar(job_id: JobId, row: Annotated[int, typer.Argument(min=0, help="Number of the picture, from 0.")],
            limit: Annotated[int, typer.Option(min=1, max=1000)] = 20, as_json: AsJson = False) -> None:
    """The pictures most like one, among those whose features a job kept."""
    found = embeddings.similar(Workspace.open(settings()), job_id, row, limit)
    if as_json:
        print_json({"items": found})
        return
    for one in found:
        print(f"{one['similarity']:.4f}  {one['n']:>8}  {one.get('truth') or '':20}  {one['image']}")
