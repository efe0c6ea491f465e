"""Commands that judge a dataset, look into it, and make versions of it."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from digits_core import files
from digits_core.cli.create import Group, Name
from digits_core.cli.flags import given_values, with_options
from digits_core.cli.identity import acting_user
from digits_core.cli.program import AsJson, JobId, User, Wait, app, complain, settings
from digits_core.cli.waiting import Bar, finish, print_json
from digits_core.data.edits import FIXES
from digits_core.data.version_options import Addition, Selection
from digits_core.errors import InvalidOptions, NotFound, Problem
from digits_core.jobs.model import Kind
from digits_core.services import datasets, jobs, versions
from digits_core.services import fit as service
from digits_core.services.workspace import Workspace

Json = dict[str, Any]
WORDS = {"exact": "with the same pixels", "near": "nearly the same", "leak": "in training and in another split",
         "labels": "under two labels"}


@app.command()
def fit(job_id: JobId, kind: Annotated[str, typer.Option(help="List groups: exact, near, leak, labels.")] = "",
        limit: Annotated[int, typer.Option(min=1, max=100_000, help="So many groups at most.")] = 50,
        user: User = "", as_json: AsJson = False) -> None:
    """Check whether a dataset is fit to train on; exit code 1 when something was found."""
    workspace = Workspace.open(settings())
    service.start_fit(workspace, acting_user(workspace, user), job_id)
    bar = Bar(sys.stderr)
    service.wait_for_fit(workspace.store.get(job_id), lambda done: bar.share(done, "looking at the pictures"))
    bar.close()
    report = service.fit(workspace, job_id, kind, 0, limit)
    if report["state"] != "done":
        raise NotFound(f"The check failed: {report.get('reason', 'it did not end')}")
    if as_json:
        print_json(report)
    else:
        _tell(report, bool(kind))
    if report["balance"]["warn"] or any(report["counts"].values()):
        raise typer.Exit(1)


def _tell(report: Json, with_groups: bool) -> None:
    balance, sizes = report["balance"], report["sizes"]
    print(f"pictures: {report['pictures']}, unreadable: {report['unreadable'] or 0}")
    print(f"balance: largest to smallest class {balance['ratio']:g} to 1" + (" (uneven)" if balance["warn"] else ""))
    if sizes["known"]:
        print(f"sizes: {sizes['width'][0]} to {sizes['width'][2]} wide, {sizes['height'][0]} to {sizes['height'][2]} "
              f"high, {sizes['smaller']} smaller than the dataset's")
    for kind, words in WORDS.items():
        print(f"{kind}: {report['counts'][kind]} groups of pictures {words}")
    for group in report["groups"] if with_groups else ():
        print("; ".join(f"{m['split']} {m['index']} {m['class']} {m['path']}" for m in group["members"]))


@app.command("create-version")
def create_version(
    job_id: JobId, name: Name = "", group: Group = "",
    fix: Annotated[list[str] | None, typer.Option(help=f"Repair what the check found: {', '.join(FIXES)}.")] = None,
    exclude: Annotated[list[str] | None, typer.Option(metavar="SPLIT:INDEX", help="Leave out a picture.")] = None,
    relabel: Annotated[list[str] | None, typer.Option(metavar="SPLIT:INDEX:CLASS", help="Another class.")] = None,
    move: Annotated[list[str] | None, typer.Option(metavar="SPLIT:INDEX:SPLIT", help="Put it elsewhere.")] = None,
    edits: Annotated[Path | None, typer.Option(metavar="FILE", help="A JSON file of edits, as for REST.")] = None,
    user: User = "", wait: Wait = False, as_json: AsJson = False,
) -> None:
    """Make a new version of a dataset; the old one stays as it is."""
    workspace = Workspace.open(settings())
    rows = [*_file(edits), *(_edit("exclude", text, "") for text in exclude or []),
            *(_edit("relabel", text, "label") for text in relabel or []),
            *(_edit("move", text, "to") for text in move or [])]
    view = versions.create_version(workspace, acting_user(workspace, user), job_id, name, rows, fix or [], group)
    finish(workspace, view, wait, as_json)


@app.command("add-pictures")
@with_options(Addition)
def add_pictures(job_id: JobId, name: Name = "", group: Group = "", user: User = "", wait: Wait = False,
                 as_json: AsJson = False, **options: Any) -> None:
    """Make a version of a dataset with more pictures, from class folders or an archive."""
    workspace = Workspace.open(settings())
    view = versions.add_pictures(workspace, acting_user(workspace, user), job_id, given_values(Addition, flags=options),
                                 name, group)
    finish(workspace, view, wait, as_json)


@app.command("create-subset")
@with_options(Selection)
def create_subset(job_id: JobId, name: Name = "", group: Group = "", user: User = "", wait: Wait = False,
                  as_json: AsJson = False, **options: Any) -> None:
    """Make a named part of a dataset that can be trained on."""
    workspace = Workspace.open(settings())
    view = versions.create_subset(workspace, acting_user(workspace, user), job_id, given_values(
        Selection, flags=options), name, group)
    finish(workspace, view, wait, as_json)


def _edit(deed: str, text: str, more: str) -> Json:
    split, _, rest = text.partition(":")
    index, _, value = rest.partition(":")
    if not index.isdecimal() or bool(value) != bool(more):
        raise InvalidOptions([Problem(deed, f"Write SPLIT:INDEX{':' + more.upper() if more else ''}, not {text!r}.")])
    return {"do": deed, "split": split, "index": int(index), **({more: value} if more else {})}


def _file(path: Path | None) -> list[Json]:
    if path is None:
        return []
    rows = (files.read_json(path) or {}).get("edits")
    if not isinstance(rows, list):
        raise InvalidOptions([Problem("edits", f"{path} is no JSON file of the form {{\"edits\": [...]}}.")])
    return rows


@app.command("versions")
def list_versions(job_id: JobId, as_json: AsJson = False) -> None:
    """A dataset with all its versions, and what each changed."""
    rows = versions.describe_family(Workspace.open(settings()), job_id)
    if as_json:
        print_json({"versions": rows})
        return
    for row in rows:
        changed = row["diff"] or {}
        words = ", ".join(f"{changed[kind]} {kind}" for kind in ("added", "removed", "relabelled", "moved")
                          if changed.get(kind))
        print(f"{row['id']}  {row['status']:8} {row['pictures'] or 0:>8}  {row['name']}"
              + (f"  (from {row['parent']}: {words or 'not built yet'})" if row["parent"] else ""))


@app.command()
def explore(
    job_id: JobId, split: Annotated[str, typer.Option(help="train, val or test.")] = "train",
    label: Annotated[int | None, typer.Option(min=0, help="Number of a class, from 0.")] = None,
    search: Annotated[str, typer.Option(help="A part of the path.")] = "",
    min_side: Annotated[int | None, typer.Option(min=1, help="Least pixels of the source's shorter side.")] = None,
    max_side: Annotated[int | None, typer.Option(min=1, help="Most pixels of it.")] = None,
    index: Annotated[int | None, typer.Option(min=0, help="Tell everything about this picture.")] = None,
    offset: Annotated[int, typer.Option(min=0)] = 0, limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    as_json: AsJson = False,
) -> None:
    """What is inside a dataset: a list of pictures, or one in full."""
    workspace = Workspace.open(settings())
    if index is not None:
        row = datasets.record(workspace, job_id, split, index)
        row.pop("png")
        if as_json:
            print_json(row)
        for key, content in row.items() if not as_json else ():
            print(f"{key}: {content}")
        return
    found = datasets.samples(workspace, job_id, split, label, search, offset, limit, datasets.sides(min_side, max_side))
    rows = [{"index": s.index, "label": s.label, "class": s.class_name, "path": s.path, "source": s.source}
            for s in found.items]
    if as_json:
        print_json({"total": found.total, "items": rows})
        return
    for row in rows:
        print(f"{row['index']:>8}  {row['class']}  {row['path']}")
    complain(f"{len(rows)} of {found.total} pictures of "
             f"'{jobs.of_kind(workspace, job_id, Kind.DATASET).name}', {split}")
