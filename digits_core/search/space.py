"""What may be chosen for each option: a list of values, or a range of numbers such as ``0.0001..0.1 log``."""

import itertools
import math
import random
from typing import Any, NamedTuple

from digits_core.errors import InvalidOptions, Problem
from digits_core.options import OptionField, Options, option_fields

Json = dict[str, Any]
MOST = 200
"""Trainings made by one request: more is nearly always a slip of the keyboard."""

USUAL = ("learning_rate", "batch_size", "network", "solver", "weight_decay", "seed")
"""What is swept most; it stands first in forms and in names."""


class Range(NamedTuple):
    """All numbers from ``low`` to ``high``, both included; ``log``: evenly in the logarithm; ``whole``: integers."""

    low: float
    high: float
    log: bool
    whole: bool

    def nearest(self, value: float) -> float | int:
        """The value as it is used: whole, or with three digits, and never outside."""
        short = round(value) if self.whole else float(f"{value:.3g}")
        return min(max(short, self.low), self.high)

    def draw(self, chance: random.Random) -> float | int:
        """One of them at random."""
        if self.log:
            return self.nearest(math.exp(chance.uniform(math.log(self.low), math.log(self.high))))
        return self.nearest(chance.uniform(self.low, self.high))


Space = dict[str, Range | list[Any]]


def space_of(cls: type[Options], options: Json) -> Space:
    """The options that may take several values here, the usual ones first. Raises InvalidOptions where one makes none.

    A list holds the values themselves; ``LOW..HIGH``, for numbers, a range. It is logarithmic from a factor of 10 on;
    ``log`` or ``linear`` behind it says otherwise.
    """
    fields = {field.name: field for field in option_fields(cls) if field.sweeps}
    found: Space = {}
    problems = []
    for name, given in sorted(options.items(), key=_place):
        try:
            choice = _choice(fields[name], given) if name in fields else None
        except ValueError as error:
            problems.append(Problem(name, str(error)))
        else:
            found |= {} if choice is None else {name: choice}
    problems += _idle(cls, options, found)
    if problems:
        raise InvalidOptions(problems)
    return found


def _idle(cls: type[Options], options: Json, space: Space) -> list[Problem]:
    """Options whose values no training would look at, as those of a solver that is not chosen."""
    fields = {field.name: field for field in option_fields(cls)}
    values = {**{name: field.default for name, field in fields.items()}, **options}
    return [Problem(name, f"No training would look at these values: see '{fields[other].title}'.")
            for name in space for other, allowed in fields[name].when.items()
            if not isinstance(space.get(other), Range) and not _meet(values[other], allowed)]


def _meet(given: Any, allowed: list[Any]) -> bool:
    return any(value in allowed for value in (given if isinstance(given, list) else [given]))


def _place(item: tuple[str, Any]) -> int:
    """The usual ones first, the others as they come."""
    return USUAL.index(item[0]) if item[0] in USUAL else len(USUAL)


def _choice(field: OptionField, given: Any) -> Range | list[Any] | None:
    """What an option may be; None for a single value. Raises ValueError with words."""
    if isinstance(given, list):
        if not given:
            raise ValueError("The list of values is empty.")
        return list({repr(value): value for value in given}.values())
    return _range(field, given) if is_range(field, given) else None


def is_range(field: OptionField, given: Any) -> bool:
    """Whether a value is meant to be a range."""
    return isinstance(given, str) and ".." in given and field.type in (int, float) and not field.choices


def _range(field: OptionField, text: str) -> Range:
    ends, _, scale = text.strip().partition(" ")
    low, high = (field.type(end) for end in _ends(ends))
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"The first end of a range must be smaller than the second (got {text!r}).")
    if scale.strip() not in ("", "log", "linear"):
        raise ValueError(f"Behind a range stands 'log', 'linear' or nothing (got {scale.strip()!r}).")
    if scale.strip() == "log" and low <= 0:
        raise ValueError(f"A logarithmic range begins above 0 (got {text!r}).")
    log = low > 0 and high >= 10 * low if not scale.strip() else scale.strip() == "log"
    return Range(low, high, log, field.type is int)


def _ends(text: str) -> tuple[str, str]:
    low, _, high = text.partition("..")
    try:
        float(low), float(high)
    except ValueError:
        raise ValueError(f"A range is two numbers with two dots between, as 0.001..0.1 (got {text!r}).") from None
    return low, high


def corners(space: Space) -> list[Json]:
    """Sets of values in which every value, or both ends of a range, stands at least once."""
    ends = {name: [choice.low, choice.high] if isinstance(choice, Range) else choice for name, choice in space.items()}
    longest = max((len(values) for values in ends.values()), default=0)
    return [{name: values[number % len(values)] for name, values in ends.items()} for number in range(longest)]


def count(space: Space) -> int:
    """How many sets of values there are, without making a list of them; 0: countless, a range is among them."""
    if any(isinstance(choice, Range) for choice in space.values()):
        return 0
    return math.prod(len(choice) for choice in space.values())


def combinations(space: Space) -> list[Json]:
    """Every combination of values; the last option changes fastest. Raises InvalidOptions when they are too many."""
    ranges = [name for name, choice in space.items() if isinstance(choice, Range)]
    if ranges:
        raise InvalidOptions([Problem(name, "A range has no end of values: give single ones, or search at random.")
                              for name in ranges])
    values = {name: choice for name, choice in space.items() if isinstance(choice, list)}
    if count(space) > MOST:
        sizes = " x ".join(f"{len(choice)} {name}" for name, choice in values.items())
        raise InvalidOptions([Problem(next(iter(space)), f"{sizes} make {count(space)} trainings; at most {MOST} "
                                      "are made at once. Take fewer values.")])
    return [dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())]
