"""Commands that show how good a model is, and mend the labels it found wrong."""

from typing import Annotated, Any

import typer

from digits_core.cli.create import Name
from digits_core.cli.identity import acting_user
from digits_core.cli.program import AsJson, JobId, User, Wait, app, settings
from digits_core.cli.waiting import finish, print_json
from digits_core.errors import InvalidOptions, Problem
from digits_core.services import evaluation as service
from digits_core.services import labels
from digits_core.services.workspace import Workspace

Json = dict[str, Any]
SHOWN = ("report", "mistakes", "cell", "top", "suspects", "curves")


@app.command()
def evaluation(
    job_id: JobId,
    split: Annotated[str, typer.Option(metavar="val|test|train", help="Of a model; a batch has none.")] = "",
    show: Annotated[str, typer.Option(metavar="|".join(SHOWN), help="The report, or pictures behind it: confident "
                                      "mistakes, one cell of the confusion matrix, the best of a class, labels that "
                                      "are probably wrong; or the ROC and precision-recall of a class.")] = "report",
    truth: Annotated[str, typer.Option(help="Only pictures of this class.")] = "",
    predicted: Annotated[str, typer.Option(help="Only pictures that were called this; the class of top and curves.")
                         ] = "",
    compare: Annotated[str, typer.Option(metavar="ID", help="Is it better than this one? A paired test.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many pictures.")] = 20,
    as_json: AsJson = False,
) -> None:
    """How good a trained model is, or a batch with known labels: every figure with its 95 % interval."""
    workspace = Workspace.open(settings())
    if show not in SHOWN:
        raise InvalidOptions([Problem("show", f"must be one of {', '.join(SHOWN)} (got {show!r})")])
    if compare:
        found = service.compare(workspace, job_id, compare, split)
    elif show == "report":
        found = service.report(workspace, job_id, split)
    elif show == "curves":
        found = service.curves(workspace, job_id, split, predicted)
    else:
        rows, total = service.pictures(workspace, job_id, split, show, truth, predicted,  # type: ignore[arg-type]
                                       limit=limit)
        found = {"rows": rows, "total": total}
    if as_json:
        print_json(found)
    else:
        print("\n".join(_words(found)))


@app.command("fix-labels")
def fix_labels(
    job_id: JobId, do: Annotated[str, typer.Option(metavar="|".join(labels.DEEDS), help="Give them the suggested "
                                                   "class, or leave them out.")],
    split: Annotated[str, typer.Option(metavar="val|test|train", help="Only of this split.")] = "",
    first: Annotated[int, typer.Option(min=0, help="Only the most suspicious; 0: all.")] = 0,
    name: Name = "", user: User = "", wait: Wait = False, as_json: AsJson = False,
) -> None:
    """Make a new version of the dataset without the labels that a model's evaluation finds probably wrong."""
    workspace = Workspace.open(settings())
    view = labels.fix_labels(workspace, acting_user(workspace, user), job_id, do, split, first, name)
    finish(workspace, view, wait, as_json)


def _words(found: Json) -> list[str]:
    """A report, a page of pictures or a comparison as lines for people."""
    if "rows" in found:
        return [f"{found['total']} pictures", *(_picture(row) for row in found["rows"])]
    if "metrics" in found:
        figures = [f"{name:<18} {_figure(figure)}" for name, figure in found["metrics"].items()]
        worst = [f"{row['count']:>6} x {row['truth']} taken for {row['predicted']}" for row in found["confusions"][:10]]
        usual = found["baseline"]
        guess = [f"{'gain':<18} {_figure(usual['gain'])} over always guessing {usual['label']}: "
                 f"{usual['accuracy']['value']:.4f}"]
        return [f"{found['entries']} pictures", *figures, *guess, *worst]
    return [f"{name:<18} {_figure(value) if isinstance(value, dict) else value}" for name, value in found.items()
            if not isinstance(value, dict) or "low" in value]


def _figure(figure: Json) -> str:
    return f"{figure['value']:.4f}  ({figure['low']:.4f} to {figure['high']:.4f})"


def _picture(row: Json) -> str:
    right = f", probably {row['suggested']}" if row.get("issue") else ""
    return f"{row['path']}: {row['truth']} called {row['predicted']} ({row['probability'] * 100:.2f} %){right}"
