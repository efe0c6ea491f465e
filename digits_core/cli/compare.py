"""The command that compares trainings."""

from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from digits_core.cli.program import AsJson, app, settings
from digits_core.cli.waiting import print_json, value
from digits_core.services import compare
from digits_core.services.workspace import Workspace

Json = dict[str, Any]


@app.command("compare")
def compare_runs(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID...")] = None,
    group: Annotated[str | None, typer.Option(help="All trainings of this group.")] = None,
    all_settings: Annotated[bool, typer.Option("--all-settings", help="Settings that are equal too.")] = False,
    as_json: AsJson = False,
) -> None:
    """What differs between trainings, and what each reached; without ids or a group: all."""
    found = compare.compare(Workspace.open(settings()), ids or (), group)
    if as_json:
        print_json(compare.describe(found, all_settings))
        return
    _print(compare.table(found, all_settings), found.metrics)
    for metric, best in compare.winners(found).items():
        print(f"best {metric}: {value(best['value'])} at epoch {best['epoch']:g}, {best['name']} ({best['id']})")


def _print(rows: list[Json], metrics: tuple[str, ...]) -> None:
    names = list(rows[0]["settings"]) if rows else []
    shown = [metric for metric in metrics if any(metric in row["best"] for row in rows)]
    table = Table("id", "name", "status", *names, *(f"best {metric}" for metric in shown), box=None)
    for row in rows:
        best = [value(row["best"][metric]) if metric in row["best"] else "" for metric in shown]
        cells = [row["id"], row["name"], row["status"], *row["settings"].values(), *best]
        table.add_row(*(_plain(cell) for cell in cells))
    Console(width=max(120, 24 * (3 + len(names) + len(shown))), highlight=False, no_color=True).print(table)


def _plain(text: object) -> str:
    """Somebody's words without what a terminal or a markup reader would act on."""
    return "".join(char if char.isprintable() else " " for char in str(text)).replace("[", "\\[")
