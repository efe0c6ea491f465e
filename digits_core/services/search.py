"""Services on searches: begin one, see what it found, stop it, let it go on, forget it. The driver makes its trials."""

import secrets
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Literal

import filelock

from digits_core.errors import BadState, DigitsError, InvalidOptions, Problem
from digits_core.jobs.model import Kind, Status, number
from digits_core.options import check
from digits_core.search import chooser
from digits_core.search.options import SearchOptions
from digits_core.search.record import Search, SearchFolder, search_ids
from digits_core.search.space import MOST, corners, space_of
from digits_core.search.trials import Trial, read_trial
from digits_core.services import jobs
from digits_core.services.access import Action, authorize, must_own
from digits_core.services.models import planned
from digits_core.services.networks import with_source
from digits_core.services.workspace import Workspace
from digits_core.tasks import model_task
from digits_core.tasks import task as get_task

Json = dict[str, Any]
STOPPED_WITH = "its search was stopped"
BUSY_S = 20.0
NOTHING = "Give at least one option several values, or a range such as 0.001..0.1."


def create_search(workspace: Workspace, user: str, name: str, dataset: str, options: Json, search: Json,
                  group: str = "") -> Json:
    """Begin a search over the options that hold a list of values or a range; ``search`` are its own options.

    The leading scheduler makes its trials, ordinary trainings in one group. Every value and both ends of every range
    are checked now; asked again under a reserved id, the search that is there is told. Raises InvalidOptions with
    every problem at its field.
    """
    authorize(user, "create")
    base, how = jobs.checked_name(name), check(SearchOptions, search)
    if how.search_seed is None:
        how = how.model_copy(update={"search_seed": secrets.randbelow(2**31)})
    task, first = _checked(workspace, dataset, options)
    space = space_of(get_task(task).model_options, options)
    trials = chooser.planned(space, how)
    together = first if "seed" in space or options.get("seed") is not None else {**first, "seed": how.search_seed}
    made = Search(workspace.store.new_id(), base, group.strip() or base, user, time.time(), dataset, task, together,
                  how.model_dump(mode="json"), trials)
    SearchFolder(workspace.store, made.id).create(made)
    with suppress(OSError):
        (workspace.store.root / f".new-{made.id}").rmdir()
    return describe(workspace, made.id)


def _checked(workspace: Workspace, dataset: str, options: Json) -> tuple[str, Json]:
    """The task, and the options as they are, once everything that can be known now is in order."""
    task, problems = "", dict[Problem, None]()
    options = with_source(workspace, options)  # every trial has the network that the file holds now
    cls = model_task(_task(workspace, dataset), str(options.get("task") or "")).model_options
    space = space_of(cls, options)
    if not space:
        raise InvalidOptions([Problem("method", NOTHING)])
    for values in corners(space):
        try:
            task, checked = planned(workspace, dataset, {**options, **values})
        except InvalidOptions as error:
            problems |= dict.fromkeys(error.problems)
        else:
            problems |= dict.fromkeys(_unmeasured(workspace, dataset, checked))
    if problems:
        raise InvalidOptions(list(problems))
    return task, options


def _task(workspace: Workspace, dataset: str) -> str:
    try:
        return jobs.of_kind(workspace, dataset, Kind.DATASET).job.task
    except DigitsError as error:
        raise InvalidOptions([Problem("dataset", str(error))]) from None


def _unmeasured(workspace: Workspace, dataset: str, values: Json) -> list[Problem]:
    """Why nothing would be measured that trials could be compared by."""
    if values.get("val_interval") == 0:
        return [Problem("val_interval", "A search compares validation results: set a validation interval.")]
    splits = workspace.store.get(dataset).folder.manifest().get("splits")
    if isinstance(splits, dict) and not (splits.get("val") or {}).get("entries"):
        return [Problem("dataset", "A search compares validation results, and this dataset has no validation "
                                   "pictures.")]
    return []


def searches(workspace: Workspace) -> list[Json]:
    """All searches, newest first, with their state and best value; those that cannot be read are left out."""
    found = []
    for search_id in search_ids(workspace.store):
        with suppress(DigitsError):
            found.append(describe(workspace, search_id, whole=False))
    return found


def of_job(workspace: Workspace, job_id: str) -> Json | None:
    """Id and name of the search that made this training, and its number there; None for any other."""
    for search_id in search_ids(workspace.store):
        folder = SearchFolder(workspace.store, search_id)
        for row in folder.rows():
            if row["id"] == job_id:
                with suppress(DigitsError):
                    return {"id": search_id, "name": folder.read().name, "number": int(row["number"])}
    return None


def describe(workspace: Workspace, search_id: str, whole: bool = True) -> Json:
    """A search as plain JSON: what was asked, its state, its best trial; ``whole`` adds trials, curve, importance."""
    folder = SearchFolder(workspace.store, search_id)
    search, state = folder.read(), folder.state()
    how, trials = search.how, read_trials(workspace, folder, search)
    wanted = wanted_trials(search, state)
    answer = {
        "id": search.id, "name": search.name, "group": search.group, "owner": search.owner, "created": search.created,
        "dataset": search.dataset, "options": search.options, "search": search.search, "trials": wanted,
        "state": _state(trials, wanted, bool(state.get("stopped"))), "reason": str(state.get("why", "")),
        "counts": dict(Counter(trial.state for trial in trials)), "best": _best(trials, how)}
    if whole:
        answer |= {"rows": [_row(trial, how) for trial in trials], "curve": _curve(trials, how),
                   "importance": folder.importance()[1]}
    return answer


def read_trials(workspace: Workspace, folder: SearchFolder, search: Search) -> list[Trial]:
    """Every trial that was begun, by number."""
    return [read_trial(workspace.store, row, search.how.measured) for row in folder.rows()]


def wanted_trials(search: Search, state: Json) -> int:
    """How many trials there are to be, with those asked for later."""
    return int(number(state.get("trials")) or search.trials)


def _state(trials: list[Trial], wanted: int, stopped: bool) -> str:
    live = any(trial.is_live for trial in trials)
    if len(trials) >= wanted and not live:
        return "done"
    return "stopped" if stopped else "running"


def _row(trial: Trial, how: SearchOptions) -> Json:
    best = trial.best(how.high)
    return {"number": trial.number, "id": trial.id, "name": trial.name, "values": trial.values, "state": trial.state,
            "best": best[1] if best else None, "epoch": best[0] if best else None, "reason": trial.reason}


def _best(trials: list[Trial], how: SearchOptions) -> Json | None:
    """The trial that reached most, also when it still runs."""
    rows = [row for trial in trials if (row := _row(trial, how))["best"] is not None]
    return (max if how.high else min)(rows, key=lambda row: row["best"], default=None)


def _curve(trials: list[Trial], how: SearchOptions) -> list[Json]:
    """For each trial with a measurement what it reached, and the best until then."""
    found: list[Json] = []
    for trial in trials:
        if point := trial.best(how.high):
            before = [found[-1]["best"]] if found else []
            found.append({"number": trial.number, "value": point[1], "state": trial.state,
                          "best": (max if how.high else min)([*before, point[1]])})
    return found


@contextmanager
def _held(workspace: Workspace, user: str, action: Action, search_id: str) -> Iterator[tuple[SearchFolder, Search]]:
    """The search while nobody else changes it."""
    folder = SearchFolder(workspace.store, search_id)
    search = folder.read()
    authorize(user, action)
    must_own(user, action, search.name, search.owner)
    try:
        with folder.lock().acquire(timeout=BUSY_S):
            yield folder, search
    except filelock.Timeout:
        raise BadState(f"The search '{search.name}' is busy. Try again in a moment.") from None


def stop_search(workspace: Workspace, user: str, search_id: str, running: Literal["stop", "stay"] = "stop") -> Json:
    """Begin no more trials. Those that wait or run are stopped too (each saves first), or stay until their end."""
    with _held(workspace, user, "stop", search_id) as (folder, search):
        folder.change(stopped=True, by=user, why=f"Stopped by {user}.", at=time.time())
        for trial in read_trials(workspace, folder, search) if running == "stop" else ():
            if trial.is_live:
                with suppress(DigitsError):  # it was deleted just now
                    jobs.stop(workspace, user, trial.id, STOPPED_WITH)
    return describe(workspace, search_id)


def resume_search(workspace: Workspace, user: str, search_id: str, trials: int | None = None) -> Json:
    """Go on with a search: the trials that were stopped with it are resumed, and new ones begun.

    ``trials`` is another number of trials in all, so a search that is done can go on.
    """
    with _held(workspace, user, "resume", search_id) as (folder, search):
        found = read_trials(workspace, folder, search)
        wanted = wanted_trials(search, folder.state()) if trials is None else trials
        if trials is not None and not max(1, len(found)) <= trials <= MOST:
            raise InvalidOptions([Problem("trials", f"{len(found)} trials were begun and at most {MOST} are made (got "
                                                    f"{trials}).")])
        space = search.space(get_task(search.task).model_options)
        most = chooser.planned(space, search.how.model_copy(update={"trials": wanted}))
        folder.change(stopped=False, by=user, why="", at=time.time(), trials=min(wanted, most), since=len(found))
        for trial in found:
            _go_on(workspace, user, trial)
    return describe(workspace, search_id)


def _go_on(workspace: Workspace, user: str, trial: Trial) -> None:
    with suppress(DigitsError):  # it was deleted, or somebody resumed it already
        view = workspace.store.get(trial.id)
        if view.attempt and view.status is Status.STOPPED and (view.attempt.stop or {}).get("why") == STOPPED_WITH:
            jobs.resume(workspace, user, trial.id)


def delete_search(workspace: Workspace, user: str, search_id: str) -> None:
    """Forget a search that is stopped or done; its trainings stay. Raises BadState while it goes on."""
    if describe(workspace, search_id, whole=False)["state"] == "running":
        raise BadState("The search goes on. Stop it first, then delete it.")
    with _held(workspace, user, "delete", search_id) as (folder, _):
        folder.delete()
