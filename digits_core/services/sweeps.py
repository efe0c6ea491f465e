"""Sweeps: options with several values each, and one training for every combination or for some random ones."""

import random
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from digits_core.errors import InvalidOptions, NotFound, Problem
from digits_core.jobs.model import Kind
from digits_core.jobs.store import JobView
from digits_core.options import Options, check, option_fields
from digits_core.search.space import MOST, Range, Space, combinations, space_of
from digits_core.services.access import authorize
from digits_core.services.datasets import require_done
from digits_core.services.jobs import LONGEST, checked_name, of_kind
from digits_core.services.models import create_model
from digits_core.services.networks import with_source
from digits_core.services.workspace import Workspace
from digits_core.tasks import model_task
from digits_core.train.options import with_policy_defaults

Json = dict[str, Any]
Create = Callable[[Workspace], JobView]
SUFFIX = re.compile(r"(?: [a-z][a-z0-9_]*:[^\s:]+)+$")


class Trial(NamedTuple):
    """One training of a sweep, not made yet."""

    name: str
    options: Json


def at_once(number: int, workspace: Workspace, create: Create) -> JobView:
    """Make a training as it is asked for; REST makes each at most once for its key instead."""
    return create(workspace)


def create_sweep(workspace: Workspace, user: str, name: str, dataset: str, options: Json, group: str = "",
                 make: Callable[[int, Workspace, Create], JobView] = at_once, draws: int = 0) -> list[JobView]:
    """Put one training for each combination of values into the queue, all in one group (the name's, unless given).

    Options that allow several values may hold a list; without any list there is one training and its name stays.
    With ``draws`` there are that many trainings with random values instead, see ``drawn``. Everything is checked before
    the first is made. Raises InvalidOptions with every problem at its field.
    """
    found = trials(workspace, user, name, dataset, options, draws)
    together = group.strip() or (name.strip() if len(found) > 1 else "")
    return [make(number, workspace, lambda place, trial=trial: create_model(  # type: ignore[misc]
        place, user, trial.name, dataset, trial.options, together)) for number, trial in enumerate(found)]


def trials(workspace: Workspace, user: str, name: str, dataset: str, options: Json, draws: int = 0) -> list[Trial]:
    """What ``create_sweep`` would make: names and options, checked; nothing is made."""
    authorize(user, "create")
    base = checked_name(name)
    try:
        view = of_kind(workspace, dataset, Kind.DATASET)
    except NotFound as error:
        raise InvalidOptions([Problem("dataset", str(error))]) from None
    require_done(view)
    cls = model_task(view.job.task, str(options.get("task") or "")).model_options
    swept = space_of(cls, options)
    chosen = drawn(cls, swept, draws) if draws else combinations(swept)
    found = [Trial(named(base, values), with_source(workspace, {**options, **values})) for values in chosen]
    _check(cls, found)
    return found


def drawn(cls: type[Options], swept: Space, draws: int) -> list[Json]:
    """Random search: so many sets of values.

    A list of two numbers counts as a range here too; any other list is a choice. The same request draws the same
    values.

    Source: Bergstra and Bengio, https://jmlr.org/papers/v13/bergstra12a.html. Raises InvalidOptions when there are too
    many, or nothing to draw from.
    """
    if not swept:
        raise InvalidOptions([Problem("draws", "Give at least one option several values, or the two ends of a range.")])
    if not 1 <= draws <= MOST:
        raise InvalidOptions([Problem("draws", f"1 to {MOST} trainings are made at once (got {draws}).")])
    chance, types = random.Random(repr(swept)), {field.name: field.type for field in option_fields(cls)}
    return [{name: _draw(types[name], values, chance) for name, values in swept.items()} for _ in range(draws)]


def _draw(kind: object, choice: Range | list[Any], chance: random.Random) -> Any:
    if isinstance(choice, Range):
        return choice.draw(chance)
    try:
        low, high = sorted(float(value) for value in choice if kind in (int, float))
    except (TypeError, ValueError):
        return chance.choice(choice)
    return Range(low, high, 0 < low <= high / 10, kind is int).draw(chance)


def named(base: str, values: Json) -> str:
    """The name with what was swept behind it; the name proper is cut when both are too long together."""
    suffix = "".join(f" {name}:{_short(value)}" for name, value in values.items())
    return base[:max(1, LONGEST["name"] - len(suffix))].rstrip() + suffix


def _short(value: object) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else "auto" if value is None else str(value)
    return re.sub(r"[\s:]+", "-", text)[:40] or "-"


def _check(cls: type[Options], found: list[Trial]) -> None:
    """Every problem of every combination, each once."""
    problems: dict[Problem, None] = {}
    for trial in found:
        try:
            check(cls, with_policy_defaults(trial.options))
        except InvalidOptions as error:
            problems |= dict.fromkeys(error.problems)
    if problems:
        raise InvalidOptions(list(problems))


def split_name(name: str) -> tuple[str, str]:
    """A name without what a sweep added to it, and that: ("pets", "learning_rate:0.01 batch_size:8")."""
    found = SUFFIX.search(name)
    return (name[:found.start()], found.group().strip()) if found and found.start() else (name, "")

