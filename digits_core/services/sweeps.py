"""Sweeps: options with several values each, and one training for every combination or for some random ones."""

import itertools
import math
import random
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from digits_core.errors import InvalidOptions, NotFound, Problem
from digits_core.jobs.model import Kind
from digits_core.jobs.store import JobView
from digits_core.options import Options, check, option_fields
from digits_core.services.access import authorize
from digits_core.services.datasets import require_done
from digits_core.services.jobs import LONGEST, checked_name, of_kind
from digits_core.services.models import create_model
from digits_core.services.workspace import Workspace
from digits_core.tasks import task as get_task
from digits_core.train.options import with_policy_defaults

Json = dict[str, Any]
Create = Callable[[Workspace], JobView]
MOST = 200
"""Trainings in one sweep: more is nearly always a slip of the keyboard."""

USUAL = ("learning_rate", "batch_size", "network", "solver", "weight_decay", "seed")
"""What is swept most; it stands first in forms and in names."""

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
    cls = get_task(view.job.task).model_options
    swept = lists(cls, options)
    chosen = drawn(cls, swept, draws) if draws else combinations(swept)
    found = [Trial(_named(base, values), {**options, **values}) for values in chosen]
    _check(cls, found)
    return found


def lists(cls: type[Options], options: Json) -> dict[str, list[Any]]:
    """The options that hold several values here, each value once. Raises InvalidOptions for empty lists."""
    able = {field.name for field in option_fields(cls) if field.sweeps}
    found = {name: list({repr(value): value for value in values}.values())
             for name, values in sorted(options.items(), key=_place) if name in able and isinstance(values, list)}
    empty = [name for name, values in found.items() if not values]
    if empty:
        raise InvalidOptions([Problem(name, "The list of values is empty.") for name in empty])
    return found


def _place(item: tuple[str, Any]) -> int:
    """The usual ones first, the others as they come."""
    return USUAL.index(item[0]) if item[0] in USUAL else len(USUAL)


def count(swept: dict[str, list[Any]]) -> int:
    """How many trainings these values make, without making a list of them."""
    number = 1
    for values in swept.values():
        number *= max(1, len(values))
    return number


def combinations(swept: dict[str, list[Any]]) -> list[Json]:
    """Every combination of values; the last option changes fastest. Raises InvalidOptions when they are too many."""
    if count(swept) > MOST:
        sizes = " x ".join(f"{len(values)} {name}" for name, values in swept.items())
        raise InvalidOptions([Problem(next(iter(swept)), f"{sizes} make {count(swept)} trainings; at most {MOST} "
                                      "are made at once. Take fewer values.")])
    return [dict(zip(swept, values, strict=True)) for values in itertools.product(*swept.values())]


def drawn(cls: type[Options], swept: dict[str, list[Any]], draws: int) -> list[Json]:
    """Random search: so many sets of values.

    Two numbers of an option are the ends of a range, evenly in the logarithm when they are 10 times apart or more;
    anything else is a choice. The same request draws the same values.

    Source: Bergstra and Bengio, https://jmlr.org/papers/v13/bergstra12a.html. Raises InvalidOptions when there are too
    many, or nothing to draw from.
    """
    if not swept:
        raise InvalidOptions([Problem("draws", "Give at least one option several values, or the two ends of a range.")])
    if not 1 <= draws <= MOST:
        raise InvalidOptions([Problem("draws", f"1 to {MOST} trainings are made at once (got {draws}).")])
    chance, types = random.Random(repr(swept)), {field.name: field.type for field in option_fields(cls)}
    return [{name: _draw(types[name], values, chance) for name, values in swept.items()} for _ in range(draws)]


def _draw(kind: object, values: list[Any], chance: random.Random) -> Any:
    try:
        ends = sorted(float(value) for value in values if kind in (int, float))
    except (TypeError, ValueError):
        ends = []
    if len(ends) != 2:
        return chance.choice(values)
    low, high = ends
    if low > 0 and high >= 10 * low:
        number = math.exp(chance.uniform(math.log(low), math.log(high)))
    else:
        number = chance.uniform(low, high)
    return round(number) if kind is int else float(f"{number:.3g}")


def _named(base: str, values: Json) -> str:
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

