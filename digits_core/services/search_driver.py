"""Makes the trials of all searches, one after the other, and ends the hopeless ones; a step of the leading scheduler.

Nothing is remembered that is not in files. A trial is written down with its values and its job's id before the job is
made, so after a crash the same trial is made with the same id: none is lost and none is doubled.
"""

import logging
import os
import time
from collections.abc import Callable
from typing import Any

import filelock

from digits_core.errors import DigitsError, InvalidOptions
from digits_core.jobs.model import number
from digits_core.search import chooser
from digits_core.search.record import Search, SearchFolder, search_ids
from digits_core.search.space import Space
from digits_core.search.trials import Trial, read_trial
from digits_core.services import steering
from digits_core.services.models import create_model
from digits_core.services.search import wanted_trials
from digits_core.services.sweeps import named
from digits_core.services.workspace import Workspace
from digits_core.tasks import task as get_task

Json = dict[str, Any]
log = logging.getLogger("digits.search")
FAILURES = 5
"""So many trials in a row that fail through no fault of their values stop the search."""


class SearchDriver:
    """Call it again and again, as the process that holds the scheduler's lease; it acts at most every ``every_s``."""

    def __init__(self, workspace: Workspace, every_s: float = 1.0,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self.workspace, self.every_s, self.clock = workspace, every_s, clock
        self._next = clock()
        self._idle: dict[str, tuple[int, ...]] = {}
        self._ended: dict[str, tuple[int, Trial]] = {}
        self._looked: dict[str, tuple[int, int]] = {}

    def __call__(self) -> None:
        """One look at every search; one that cannot be handled is logged, the others go on."""
        if self.clock() < self._next:
            return
        self._next = self.clock() + self.every_s
        for search_id in search_ids(self.workspace.store):
            try:
                self._drive(SearchFolder(self.workspace.store, search_id))
            except Exception:
                log.exception("search %s cannot be handled now", search_id)

    def _drive(self, folder: SearchFolder) -> None:
        if self._idle.get(folder.id) == folder.stamp():
            return
        try:
            with folder.lock().acquire(timeout=0):
                if self._step(folder):
                    self._idle[folder.id] = folder.stamp()
        except filelock.Timeout:
            return  # somebody stops or resumes it just now

    def _step(self, folder: SearchFolder) -> bool:
        """Do what is due; whether nothing will ever be until the search's files change."""
        search, state, rows = folder.read(), folder.state(), folder.rows()
        stopped, space = bool(state.get("stopped")), search.space(get_task(search.task).model_options)
        unmade = bool(rows) and not rows[-1].keys() & {"made", "refused"} and not stopped
        if unmade and not self._make(search, folder, rows[-1]):
            return True
        trials = [self._trial(row, search) for row in folder.rows()]
        self._weigh(folder, search, space, trials)
        if stopped:
            return not any(trial.is_live for trial in trials)
        if why := _broken(trials, int(number(state.get("since")) or 0)):
            return self._pause(folder, why)
        self._prune(search, space, trials)
        return self._begin(folder, search, space, wanted_trials(search, state), trials)

    def _begin(self, folder: SearchFolder, search: Search, space: Space, wanted: int, trials: list[Trial]) -> bool:
        """Begin the trials that are due; whether nothing is left to do."""
        while len(trials) < wanted and sum(trial.is_live for trial in trials) < search.how.at_once:
            row = {"number": len(trials) + 1, "id": self.workspace.store.new_id(),
                   "values": chooser.propose(space, search.how, trials, len(trials) + 1)}
            folder.add(row)
            if not self._make(search, folder, row):
                return True
            trials.append(self._trial(folder.rows()[-1], search))
        return len(trials) >= wanted and not any(trial.is_live for trial in trials)

    def _make(self, search: Search, folder: SearchFolder, row: Json) -> bool:
        """Put a trial that is written down into the queue, unless it is there; False when the search had to pause."""
        store, found = self.workspace.store, {"number": row["number"]}
        if not any(os.path.lexists(place / row["id"]) for place in (store.root, store.trash)):
            try:
                create_model(self.workspace.reserved(row["id"]), search.owner, named(search.name, row["values"]),
                             search.dataset, {**search.options, **row["values"]}, search.group)
            except InvalidOptions as error:
                if not set(error.by_field()) & set(row["values"]):
                    return not self._pause(folder, str(error))
                found["refused"] = str(error)
            except DigitsError as error:
                return not self._pause(folder, str(error))
        folder.add({"made": True, **found} if "refused" not in found else found)
        return True

    def _pause(self, folder: SearchFolder, why: str) -> bool:
        log.warning("search %s is stopped: %s", folder.id, why)
        folder.change(stopped=True, by="", why=why, at=time.time())
        return True

    def _weigh(self, folder: SearchFolder, search: Search, space: Space, trials: list[Trial]) -> None:
        """Tell what mattered, anew when more trials are done."""
        done = sum(trial.state == "done" for trial in trials)
        if done >= chooser.ENOUGH and folder.importance()[0] != done:
            folder.keep_importance(done, chooser.importance(space, search.how, trials))

    def _trial(self, row: Json, search: Search) -> Trial:
        """A trial; one whose job is over is read again only when somebody resumes that."""
        attempts = self.workspace.store.root / row["id"] / "attempts"
        changed = attempts.stat().st_mtime_ns if attempts.exists() else 0
        known = self._ended.get(row["id"])
        if known and known[0] == changed:
            return known[1]
        trial = read_trial(self.workspace.store, row, search.how.measured)
        if trial.state in ("done", "pruned"):
            self._ended[trial.id] = changed, trial
        return trial

    def _prune(self, search: Search, space: Space, trials: list[Trial]) -> None:
        """Ask the hopeless among the running trials to finish; each is judged once for each measurement."""
        done = sum(trial.state == "done" for trial in trials)
        for trial in trials:
            seen = len(trial.measured), done
            if trial.state != "running" or self._looked.get(trial.id) == seen:
                continue
            self._looked[trial.id] = seen
            if why := chooser.hopeless(space, search.how, trials, trial):
                log.info("trial %d of search %s (%s) ends early: %s", trial.number, search.id, trial.id, why)
                steering.finish_now(self.workspace, search.owner, trial.id, by="its search", why=why, search=search.id)


def _broken(trials: list[Trial], since: int) -> str:
    """Why the search should not go on by itself; "" when it should."""
    last = trials[max(since, len(trials) - FAILURES):]
    bad = [trial for trial in last if trial.state == "refused" or (trial.state == "failed" and not trial.at_fault)]
    if len(bad) < FAILURES:
        return ""
    return f"{FAILURES} trials in a row failed, the last one so: {bad[-1].reason}"
