"""Tables of form fields: what DIGITS called them, what we call them, and how values become ours."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from digits_core.api.digits.request import Asked
from digits_core.errors import InvalidOptions, Problem

Json = dict[str, Any]


@dataclass(frozen=True)
class Field:
    """One field of a form of DIGITS, and the option it stands for."""

    theirs: str
    ours: str
    words: Mapping[str, Any] = field(default_factory=dict)
    """Values that have another name here; others stay as they are."""
    when: str = ""
    """It counts only when this holds: a box that is ticked, or ``field=value``."""
    list: bool = False
    """Values with commas between."""
    sweep: bool = False
    """One value, or several with commas between: a training for each."""
    blank: Any = None
    """What it means when it is sent empty; by default as if it were not sent."""
    default: Any = None
    """What it means when it counts and is not sent, where that is not what we take."""
    required: bool = False
    """Whether it must be there when it counts."""

    def counts(self, asked: Asked) -> bool:
        """Whether the other fields let this one matter."""
        name, equals, value = self.when.partition("=")
        return not name or (asked.text(name) == value if equals else asked.switch(name))

    def read(self, text: str) -> Any:
        """The option's value."""
        if self.list or (self.sweep and "," in text):
            return [self._one(part.strip()) for part in text.split(",") if part.strip()]
        return self._one(text)

    def _one(self, text: str) -> Any:
        return self.words.get(text.lower(), text) if self.words else text


class Translated(NamedTuple):
    """Options of ours, and for each of them the field that problems with it are told at."""

    options: Json
    names: dict[str, str]


def translated(asked: Asked, table: Iterable[Field], **fixed: Any) -> Translated:
    """What a form says, as options. Raises InvalidOptions for fields that must be there and are not."""
    options: Json = dict(fixed)
    names: dict[str, str] = {}
    problems = []
    for one in table:
        names.setdefault(one.ours, one.theirs)
        if not one.counts(asked):
            continue
        text = asked.text(one.theirs)
        if text:
            options[one.ours] = one.read(text)
            names[one.ours] = one.theirs
        elif one.required:
            problems.append(Problem(one.theirs, "This field is required."))
        elif (value := one.blank if one.theirs in asked.fields else one.default) is not None:
            options[one.ours] = value
    if problems:
        raise InvalidOptions(problems)
    return Translated(options, names)
