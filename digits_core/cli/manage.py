"""Commands on any job: list, show, log, stop, resume, delete, restore."""

import sys
import time
from typing import Annotated, Any

import typer

from digits_core.cli.identity import acting_user
from digits_core.cli.program import AsJson, JobId, User, Wait, app, complain, settings
from digits_core.cli.waiting import finish, print_json, report, value
from digits_core.errors import DigitsError, InvalidOptions, Problem
from digits_core.jobs.store import JobView
from digits_core.services import jobs, listing
from digits_core.services.workspace import Workspace

Json = dict[str, Any]


@app.command("jobs")
def list_jobs(
    kind: Annotated[str, typer.Option(metavar="|".join(listing.KINDS))] = "",
    status: Annotated[list[str] | None, typer.Option(metavar="|".join(listing.STATUSES))] = None,
    group: Annotated[str | None, typer.Option(help="Only this group.")] = None,
    search: Annotated[str, typer.Option(help="Text in name, id, owner or notes.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    trash: Annotated[bool, typer.Option("--trash", help="Deleted ones instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """List jobs, newest first."""
    _check_choice("kind", kind, listing.KINDS)
    for one in status or []:
        _check_choice("status", one, listing.STATUSES)
    workspace = Workspace.open(settings())
    views = workspace.store.trashed() if trash else listing.find(workspace, kind, status or (), group, search)
    for view in views[:limit] if not as_json else ():
        print(f"{view.id}  {view.job.kind:<10} {view.status:<8} {view.progress.done * 100:3.0f} %  {view.name}")
    if as_json:
        print_json({"total": len(views), "jobs": [jobs.describe(view) for view in views[:limit]]})


def _check_choice(field: str, given: str, choices: tuple[str, ...]) -> None:
    if given and given not in choices:
        raise InvalidOptions([Problem(field, f"must be one of {', '.join(choices)} (got {given!r})")])


@app.command()
def show(job_id: JobId, as_json: AsJson = False) -> None:
    """Everything about one job."""
    view = Workspace.open(settings()).store.get(job_id)
    facts = jobs.describe(view)
    if as_json:
        print_json(facts)
        return
    for name, fact in facts.items():
        if fact not in (None, "", [], {}):
            words = ", ".join(f"{k}={value(v)}" for k, v in fact.items()) if isinstance(fact, dict) else value(fact)
            print(f"{name:<10} {words}")


@app.command()
def log(job_id: JobId, follow: Annotated[bool, typer.Option("--follow", "-f", help="Until the job ends.")] = False,
        size: Annotated[int, typer.Option(min=1, help="Bytes from the end.")] = 64_000) -> None:
    """What a job printed."""
    workspace = Workspace.open(settings())
    sys.stdout.write(jobs.log_tail(workspace, job_id, size))
    if follow:
        _follow(workspace, workspace.store.get(job_id))


def _follow(workspace: Workspace, view: JobView) -> None:
    newest = view.folder.newest()
    if newest is None:
        return
    place = newest.log.stat().st_size if newest.log.exists() else 0
    over = False
    while not over:
        over = workspace.store.get(view.id).status.is_final  # asked before the last look, so that nothing is missed
        if newest.log.exists():
            with newest.log.open("rb") as file:
                file.seek(place)
                piece = file.read()
            place += len(piece)
            sys.stdout.write(piece.decode(errors="replace"))
            sys.stdout.flush()
        time.sleep(0 if over else 0.2)


@app.command()
def stop(ids: Annotated[list[str], typer.Argument(metavar="ID...")], user: User = "", as_json: AsJson = False) -> None:
    """Ask jobs to stop; each saves first."""
    workspace = Workspace.open(settings())
    name = acting_user(workspace, user)
    _each(workspace, ids, lambda job_id: jobs.stop(workspace, name, job_id), as_json)


@app.command()
def resume(job_id: JobId, user: User = "", wait: Wait = False, as_json: AsJson = False) -> None:
    """Run a failed or stopped job again, from its last checkpoint."""
    workspace = Workspace.open(settings())
    finish(workspace, jobs.resume(workspace, acting_user(workspace, user), job_id), wait, as_json)


@app.command()
def delete(ids: Annotated[list[str], typer.Argument(metavar="ID...")], user: User = "", as_json: AsJson = False,
           purge: Annotated[bool, typer.Option("--purge", help="For good, also when it is in the trash.")] = False,
           ) -> None:
    """Move jobs to the trash, stopping them first; ``restore`` brings them back."""
    workspace = Workspace.open(settings())
    name = acting_user(workspace, user)

    def act(job_id: str) -> None:
        if not purge or job_id in workspace.store.ids():
            jobs.delete(workspace, name, job_id)
        if purge:
            jobs.purge(workspace, name, job_id)

    _each(workspace, ids, act, as_json)


@app.command()
def restore(job_id: JobId, user: User = "", as_json: AsJson = False) -> None:
    """Bring a job back from the trash."""
    workspace = Workspace.open(settings())
    report(jobs.restore(workspace, acting_user(workspace, user), job_id), as_json)


@app.command()
def edit(job_id: JobId, name: Annotated[str | None, typer.Option()] = None,
         notes: Annotated[str | None, typer.Option()] = None, group: Annotated[str | None, typer.Option()] = None,
         priority: Annotated[float | None, typer.Option(help="Higher runs earlier; 0 is usual.")] = None,
         user: User = "", as_json: AsJson = False) -> None:
    """Change name, notes, group or queue priority."""
    workspace = Workspace.open(settings())
    given = {"name": name, "notes": notes, "group": group, "priority": priority}
    changes = {key: content for key, content in given.items() if content is not None}
    report(jobs.edit(workspace, acting_user(workspace, user), job_id, **changes), as_json)


def _each(workspace: Workspace, ids: list[str], action: Any, as_json: bool) -> None:
    """Do it to each; what fails is said on stderr and ends with exit code 2 after the others were done."""
    failed = 0
    for job_id in ids:
        try:
            action(job_id)
        except DigitsError as error:
            failed += 1
            complain(f"{job_id}: {error}")
    if as_json:
        found = [jobs.describe(workspace.store.get(job_id)) for job_id in ids if job_id in workspace.store.ids()]
        print_json(found[0] if len(ids) == 1 and found else {"jobs": found, "failed": failed})
    if failed:
        raise typer.Exit(2)
