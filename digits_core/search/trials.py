"""What became of each trial, read from its job: nothing is remembered, so no restart can forget it."""

from dataclasses import dataclass
from typing import Any, Literal

from digits_core import files
from digits_core.errors import DigitsError
from digits_core.jobs.model import Status, number
from digits_core.jobs.store import JobStore, JobView
from digits_core.jobs.wishes import Wishes

Json = dict[str, Any]
State = Literal["waiting", "running", "ending", "done", "pruned", "stopped", "failed", "refused", "deleted"]
LIVE = ("waiting", "running", "ending")
AT_FAULT = ("nan", "out-of-memory")
"""Codes of failures that the values of a trial brought about: such values are worse than any other."""


@dataclass(frozen=True)
class Trial:
    """One training of a search. ``number`` counts from 1; ``measured`` are (epoch, value of the goal)."""

    number: int
    id: str
    values: Json
    state: State = "waiting"
    measured: tuple[tuple[float, float], ...] = ()
    reason: str = ""
    name: str = ""
    at_fault: bool = False

    @property
    def is_live(self) -> bool:
        return self.state in LIVE

    def best(self, high: bool) -> tuple[float, float] | None:
        """Epoch and value of its best measurement."""
        return (max if high else min)(self.measured, key=lambda point: point[1], default=None)


def read_trial(store: JobStore, row: Json, metric: str) -> Trial:
    """A trial as its row in the search's list and its job's folder tell."""
    place = int(row["number"]), str(row["id"]), dict(row["values"])
    if "refused" in row:
        return Trial(*place, "refused", reason=str(row["refused"]), at_fault=True)
    try:
        view = store.get(place[1])
    except DigitsError:
        return Trial(*place, "deleted" if row.get("made") else "waiting")
    why = pruned_why(view)
    return Trial(*place, _state(view, bool(why)), measured(view, metric), why or _ended(view) or view.state.reason,
                 view.name, view.state.code in AT_FAULT)


def _state(view: JobView, pruned: bool) -> State:
    if view.status is Status.DONE:
        return "pruned" if pruned and _ended(view) else "done"
    if view.status is Status.WAITING:
        return "waiting"
    if view.status.is_live:
        return "ending" if pruned else "running"
    return "stopped" if view.status is Status.STOPPED else "failed"


def _ended(view: JobView) -> str:
    """Why a training ended before its planned end; "" when it did not."""
    return str(view.folder.summary().get("ended", ""))


def pruned_why(view: JobView) -> str:
    """The reason with which a search asked this training to finish; "" when none did."""
    found = [str(wish.get("why", "")) for _, wish in Wishes(view.folder).new()
             if wish.get("action") == "finish" and wish.get("search")]
    return found[-1] if found else ""


def measured(view: JobView, metric: str) -> tuple[tuple[float, float], ...]:
    """Every measurement of a metric so far: (epoch, value)."""
    rows = [(number(row.get("epoch")), number(row.get(metric))) for row in files.read_jsonl(view.folder.metrics)[0]]
    return tuple((epoch, value) for epoch, value in rows if epoch is not None and value is not None)
