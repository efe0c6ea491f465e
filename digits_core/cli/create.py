"""Commands that make datasets and models."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digits_core.cli.flags import given_values, training_options, with_options
from digits_core.cli.identity import acting_user
from digits_core.cli.program import AsJson, ReportingGroup, User, Wait, app, complain, settings
from digits_core.cli.waiting import finish, finish_all, print_json
from digits_core.options import option_fields
from digits_core.services import datasets, sweeps
from digits_core.services.workspace import Workspace
from digits_core.tasks import Task, sources, tasks

if TYPE_CHECKING:
    from digits_core.data.preview import Preview

Name = Annotated[str, typer.Option("--name", help="Name of the job; made up when left out.")]
Group = Annotated[str, typer.Option("--group", help="Group it is listed under.")]

create_dataset = typer.Typer(cls=ReportingGroup, no_args_is_help=True, rich_markup_mode=None)
app.add_typer(create_dataset, name="create-dataset", help="Build a dataset for a task.")


def _add_dataset_command(task: Task) -> None:
    @create_dataset.command(task.name, help=f"Build a dataset for: {task.title}.")
    @with_options(task.dataset_options)
    def command(name: Name = "", group: Group = "", user: User = "", wait: Wait = False, as_json: AsJson = False,
                preview: Annotated[bool, typer.Option("--preview", help="Only say what would come out.")] = False,
                to: Annotated[Path | None, typer.Option(metavar="DIR", help="With --preview: write a picture in every "
                                                        "resize mode there.")] = None,
                **options: Any) -> None:
        workspace = Workspace.open(settings())
        values = given_values(task.dataset_options, flags=options)
        if preview:
            _preview(datasets.preview(workspace, task.name, values, to is not None), to, as_json)
            return
        view = datasets.create_dataset(workspace, acting_user(workspace, user), task.name,
                                       name or dataset_name(task, values), values, group)
        finish(workspace, view, wait, as_json)


def _preview(found: "Preview", to: Path | None, as_json: bool) -> None:
    """What a build would find; exit code 1 when something would stop it or deserves a look."""
    more = "more than " if found.is_estimate else ""
    for label, count in found.per_class.items() if not as_json else ():
        print(f"{count:>8}  {label}")
    if not as_json:
        splits = ", ".join(f"{split} {count}" for split, count in found.splits.items())
        print(f"{more}{found.pictures} pictures of {len(found.labels)} classes: {splits}; {found.size / 1e6:.1f} MB")
    for problem in found.problems:
        complain(problem)
    if to is not None:
        to.mkdir(parents=True, exist_ok=True)
        for mode, png in found.example.items():
            (to / f"{mode}.png").write_bytes(png)
    if as_json:
        print_json({name: value for name, value in asdict(found).items() if name != "example"})
    if found.problems:
        raise typer.Exit(1)


def dataset_name(task: Task, values: dict[str, Any]) -> str:
    """A name after where the pictures come from."""
    sources = [field.name for field in option_fields(task.dataset_options) if field.kind in ("folder", "path")]
    source = next((str(values[name]) for name in sources if values.get(name)), "")
    return Path(source.rstrip("/")).name[:200] or f"{task.title} dataset"


for _task in sources().values():
    _add_dataset_command(_task)


@app.command()
@with_options(*training_options())
def train(dataset: Annotated[str, typer.Option("--dataset", metavar="ID", help="Id of the dataset.")],
          draws: Annotated[int, typer.Option("--draws", min=0, help="Random search: so many trainings; two numbers "
                                             "with a comma between are a range.")] = 0,
          name: Name = "", group: Group = "", user: User = "", wait: Wait = False, as_json: AsJson = False,
          **options: Any) -> None:
    """Train a network on a dataset; it waits for a dataset that is still being built.

    Several values with commas between (--learning-rate 0.1,0.01) make one training for each combination, or --draws
    random ones.
    """
    workspace = Workspace.open(settings())
    values = given_values(*training_options(), flags=options, sweeps=True)
    views = sweeps.create_sweep(workspace, acting_user(workspace, user), name or model_name(workspace, dataset, values),
                                dataset, values, group, draws=draws)
    finish_all(workspace, views, wait, as_json)


def model_name(workspace: Workspace, dataset: str, values: dict[str, Any]) -> str:
    """A name after network and dataset, as ``lenet on digits``."""
    if dataset not in workspace.store.ids():
        return f"{values.get('network', 'a network')} on {dataset}"[:200]
    view = workspace.store.get(dataset)
    kind = tasks().get(str(values.get("task") or view.job.task))
    given = values.get("network", kind.default_network if kind else "a network")
    return f"{'networks' if isinstance(given, list) else given} on {view.name}"[:200]
