"""Commands on searches: begin one, look at it, stop it, let it go on."""

import sys
import time
from typing import Annotated, Any, Literal

import typer

from digits_core.cli.create import Group, Name, model_name
from digits_core.cli.flags import given_values, training_options, with_options
from digits_core.cli.identity import acting_user
from digits_core.cli.program import AsJson, User, app, complain, settings
from digits_core.cli.waiting import Bar, print_json, value
from digits_core.search.options import SearchOptions
from digits_core.search.trials import LIVE
from digits_core.services import search as service
from digits_core.services.scheduling import make_scheduler
from digits_core.services.system import scheduler_runs
from digits_core.services.workspace import Workspace

Json = dict[str, Any]
Id = Annotated[str, typer.Argument(metavar="ID", help="Id of a search.")]
WaitAll = Annotated[bool, typer.Option("--wait", help="Stay until every trial is over; exit code 0 only when the "
                                       "search is done.")]


@app.command("search")
@with_options(*training_options())
@with_options(SearchOptions)
def search(dataset: Annotated[str, typer.Option("--dataset", metavar="ID", help="Id of the dataset.")],
           name: Name = "", group: Group = "", user: User = "", wait: WaitAll = False, as_json: AsJson = False,
           **options: Any) -> None:
    """Search for good settings: a flag takes a list (8,16) or a range (0.0001..0.1, with "log" or "linear" behind it).

    Trials are ordinary trainings in one group; values are chosen from what earlier ones reached, bad trials end early.
    """
    workspace = Workspace.open(settings())
    own = given_values(SearchOptions, flags=options, others=training_options())
    values = given_values(*training_options(), flags=options, sweeps=True, others=[SearchOptions])
    found = service.create_search(workspace, acting_user(workspace, user),
                                  name or model_name(workspace, dataset, values), dataset, values, own, group)
    print(f"search {found['id']} '{found['name']}', {found['trials']} trials", flush=True)
    _end(workspace, found, wait, as_json)


def _end(workspace: Workspace, found: Json, wait: bool, as_json: bool) -> None:
    if wait:
        found = _await(workspace, found["id"])
    elif found["state"] == "running" and not scheduler_runs(workspace):
        complain("No server runs on this jobs folder: trials are made when one does (streamlit run app.py, or "
                 "python -m digits_core scheduler), or while a command waits (--wait).")
    _report(found, as_json)
    if wait and found["state"] != "done":
        raise typer.Exit(1)


def _await(workspace: Workspace, search_id: str) -> Json:
    """The search after its end; drives it meanwhile when no other process does. Ctrl-C ends only the waiting."""
    scheduler, bar = make_scheduler(workspace), Bar(sys.stderr)
    try:
        while True:
            scheduler.tick()
            found = service.describe(workspace, search_id, whole=False)
            bar.share(_over(found) / found["trials"], _words(found))
            if found["state"] == "done" or (found["state"] == "stopped" and not _live(found)):
                return service.describe(workspace, search_id)
            time.sleep(min(0.2, workspace.settings.poll_s))
    except KeyboardInterrupt:
        complain(f"Stopped waiting; the search goes on while a server runs. Stop it with: search-stop {search_id}")
        raise typer.Exit(130) from None
    finally:
        bar.close()
        scheduler.close()


def _live(found: Json) -> int:
    return sum(number for state, number in found["counts"].items() if state in LIVE)


def _over(found: Json) -> int:
    return sum(number for state, number in found["counts"].items() if state not in LIVE)


def _words(found: Json) -> str:
    counts = ", ".join(f"{number} {state}" for state, number in found["counts"].items())
    best = f", best {value(found['best']['best'])}" if found["best"] else ""
    return f"{found['state']}: {counts or 'no trial yet'} of {found['trials']}{best}"


def _report(found: Json, as_json: bool) -> None:
    if found["reason"]:
        complain(found["reason"])
    if as_json:
        print_json(found)
        return
    print(_words(found))
    for row in found.get("rows", ()):
        reached = value(row["best"]) if row["best"] is not None else "-"
        words = f"{row['number']:>4}  {row['id']}  {row['state']:<8} {reached:<9} {_settings(row)}  {row['reason']}"
        print(words.rstrip())
    if found["best"]:
        print(f"best: trial {found['best']['number']} ({found['best']['id']}), {_settings(found['best'])}")
    for name, share in found.get("importance", {}).items():
        print(f"importance of {name}: {100 * share:.0f} %")


def _settings(row: Json) -> str:
    return " ".join(f"{name}={value(given)}" for name, given in row["values"].items())


@app.command("search-show")
def search_show(search_id: Annotated[str, typer.Argument(metavar="[ID]", help="Id of a search; empty: all.")] = "",
                wait: WaitAll = False, as_json: AsJson = False) -> None:
    """Show a search: its trials, the best one, what mattered; without an id all searches."""
    workspace = Workspace.open(settings())
    if search_id:
        _end(workspace, service.describe(workspace, search_id), wait, as_json)
        return
    found = service.searches(workspace)
    if as_json:
        print_json({"searches": found})
    for each in found if not as_json else ():
        print(f"{each['id']}  '{each['name']}'  {_words(each)}")


@app.command("search-stop")
def search_stop(search_id: Id, stay: Annotated[bool, typer.Option("--stay", help="Trials that wait or run stay and end "
                "by themselves.")] = False, user: User = "", as_json: AsJson = False) -> None:
    """Begin no more trials; those that wait or run are stopped too, each saves first."""
    workspace = Workspace.open(settings())
    running: Literal["stop", "stay"] = "stay" if stay else "stop"
    _report(service.stop_search(workspace, acting_user(workspace, user), search_id, running), as_json)


@app.command("search-resume")
def search_resume(search_id: Id, trials: Annotated[int | None, typer.Option("--trials", min=1, help="Trials in all; "
                  "lets a search that is done go on.")] = None, user: User = "", wait: WaitAll = False,
                  as_json: AsJson = False) -> None:
    """Go on with a search that was stopped, or with one that is done and gets more trials."""
    workspace = Workspace.open(settings())
    found = service.resume_search(workspace, acting_user(workspace, user), search_id, trials)
    _end(workspace, found, wait, as_json)


@app.command("search-delete")
def search_delete(search_id: Id, user: User = "", as_json: AsJson = False) -> None:
    """Forget a search that is stopped or done; its trainings stay."""
    workspace = Workspace.open(settings())
    service.delete_search(workspace, acting_user(workspace, user), search_id)
    print(f"search {search_id} deleted")
    if as_json:
        print_json({"deleted": search_id})
