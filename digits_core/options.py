"""Describe an option once: the form, the check, the REST schema, the command line, job.json and the worker read it."""

import difflib
import types
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from digits_core.errors import InvalidOptions, Problem

MANY = 400
"""Characters of a list of choices that a message still shows."""
Kind = Literal["path", "folder", "text", "code", "secret", "job"]


def option(
    default: Any = ...,
    *,
    title: str,
    help: str = "",
    ge: float | None = None,
    le: float | None = None,
    gt: float | None = None,
    group: str = "",
    advanced: bool = False,
    when: dict[str, list[Any]] | None = None,
    labels: dict[str, str] | None = None,
    kind: Kind | None = None,
    single: bool = False,
) -> Any:
    """One field of an Options class.

    ``group`` is the section of the form it stands in; ``advanced`` folds it away; ``when`` maps another field's
    name to the values for which this one matters; ``labels`` gives the words for the values of a choice;
    ``kind`` asks for a special widget (a server path with completion, a multi-line text ...);
    ``single`` options never take several values where trainings are made.
    """
    extra: dict[str, Any] = {"group": group, "advanced": advanced, "when": when or {}, "labels": labels or {},
                             "kind": kind or "", "single": single}
    return Field(default, title=title, description=help, ge=ge, le=le, gt=gt, json_schema_extra=extra)


class Options(BaseModel):
    """Base of every dataset's, task's and network's options: unknown names are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    LEFT_OUT: ClassVar[tuple[str, ...]] = ()
    """Options of a parent that make no sense here: nobody is asked, and only their defaults are taken."""

    def problems(self, roots: Sequence[Path] = ()) -> list[Problem]:
        """What is wrong between fields, or with the world outside (a folder that is missing). Called by ``check``.

        ``roots`` are the server folders that may be read; none: any.
        """
        return []


class JobOptions(Options):
    """Base of the options of a job that a person starts: what each of them can be told."""

    notify: bool = option(True, title="Notify", group="Job", advanced=True,
                          help="Tell by webhook and mail when it is done, has failed or is stalled, if the server "
                               "is set up for that.")


Checked = TypeVar("Checked", bound=Options)


def check(cls: type[Checked], values: dict[str, Any], roots: Sequence[Path] = ()) -> Checked:
    """Typed options from plain values. Raises InvalidOptions with every problem at its field."""
    try:
        options = cls.model_validate(values)
    except ValidationError as error:
        raise InvalidOptions([Problem(str(e["loc"][0]) if e["loc"] else "", _words(cls, dict(e)))
                              for e in error.errors()]) from error
    odd = [name for name in cls.LEFT_OUT if getattr(options, name) != cls.model_fields[name].default]
    problems = [Problem(name, "There is no such option here.") for name in odd] + options.problems(roots)
    if problems:
        raise InvalidOptions(problems)
    return options


def fitting(cls: type[Options], values: dict[str, Any]) -> dict[str, Any]:
    """The values that fit their options; those of an older or a damaged job may hold anything."""
    known = {name: value for name, value in values.items() if name in cls.model_fields}
    try:
        return cls.model_validate(known).model_dump(mode="json", include=set(known))
    except ValidationError as error:
        bad = {str(problem["loc"][0]) for problem in error.errors() if problem["loc"]} & set(known)
        return fitting(cls, {name: value for name, value in known.items() if name not in bad}) if bad else {}


def _words(cls: type[Options], error: dict[str, Any]) -> str:
    if error["type"] == "missing":
        return "This field is required."
    if error["type"] == "extra_forbidden":
        close = difflib.get_close_matches(str(error["loc"][0]), cls.model_fields, 1)
        return "There is no such option" + (f"; did you mean '{close[0]}'?" if close else ".")
    if error["type"] == "literal_error" and len(error["msg"]) > MANY:
        known = str(error["ctx"]["expected"]).replace(" or ", ", ").replace("'", "").split(", ")
        close = difflib.get_close_matches(str(error["input"]), known, 3)
        return f"There is no {str(error['input'])[:100]!r}" + (f"; did you mean {' or '.join(close)}?" if close else
                                                               f" among these {len(known)} choices.")
    message = str(error["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")
    if _is_secret(cls, error["loc"]):
        return message
    got = repr(error["input"])
    return f"{message} (got {got if len(got) <= 100 else got[:100] + '...'})"


def _is_secret(cls: type[Options], loc: tuple[Any, ...]) -> bool:
    field = cls.model_fields.get(str(loc[0])) if loc else None
    return field is not None and _dict(field.json_schema_extra).get("kind") == "secret"


@dataclass(frozen=True)
class OptionField:
    """What a form or a command line needs to know about one option."""

    name: str
    title: str
    help: str
    type: type
    """bool, int, float or str: the type of one value."""
    default: Any
    required: bool
    optional: bool
    """None is allowed and means "not set"."""
    many: bool
    """A list of values."""
    choices: tuple[str, ...]
    labels: dict[str, str]
    ge: float | None
    le: float | None
    gt: float | None
    group: str
    advanced: bool
    when: dict[str, list[Any]]
    kind: str
    single: bool

    @property
    def sweeps(self) -> bool:
        """Several values are allowed where trainings are made, one training for each: numbers, choices, switches."""
        return not self.many and not self.kind and not self.single and self.group not in ("Hardware", "Job") and (
            bool(self.choices) or self.type in (int, float, bool))

    def matters(self, values: dict[str, Any]) -> bool:
        """Whether the other fields' values make this one count."""
        return all(values.get(name) in allowed for name, allowed in self.when.items())


def option_fields(cls: type[Options]) -> list[OptionField]:
    """The options of ``cls`` in the order of their definition."""
    return [_field(name, cls) for name in cls.model_fields if name not in cls.LEFT_OUT]


def _field(name: str, cls: type[Options]) -> OptionField:
    info = cls.model_fields[name]
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    kinds = [kind for kind in _members(info.annotation) if kind is not type(None)]
    many = any(get_origin(kind) is list for kind in kinds)
    inner = get_args(kinds[0])[0] if many else kinds[0]
    choices = tuple(map(str, get_args(inner))) if get_origin(inner) is Literal else ()
    limits = {type(m).__name__.lower(): vars_of(m) for m in info.metadata}
    return OptionField(
        name=name, title=info.title or name, help=info.description or "", type=str if choices else inner,
        default=None if info.is_required() else info.get_default(call_default_factory=True),
        required=info.is_required(), optional=type(None) in _members(info.annotation), many=many, choices=choices,
        labels=_dict(extra.get("labels")), ge=limits.get("ge"), le=limits.get("le"), gt=limits.get("gt"),
        group=str(extra.get("group", "")), advanced=bool(extra.get("advanced")), when=_dict(extra.get("when")),
        kind=str(extra.get("kind", "")), single=bool(extra.get("single")))


def _members(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)


def vars_of(limit: Any) -> Any:
    """The number inside an annotated-types limit such as Ge(1)."""
    return next((getattr(limit, key) for key in ("ge", "le", "gt") if hasattr(limit, key)), None)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
