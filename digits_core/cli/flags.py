"""Flags made from options: one description gives the form, the REST schema and the command line."""

import inspect
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from digits_core.errors import InvalidOptions, Problem
from digits_core.options import OptionField, Options, option_fields
from digits_core.safe.places import SCHEME
from digits_core.services.resumable import PREFIX
from digits_core.tasks import tasks

Json = dict[str, Any]
MANY = 16
"""Choices that a flag's help still lists."""


def training_options() -> list[type[Options]]:
    """The options of trainings, of all tasks: a command learns only later which task its dataset has."""
    return [task.model_options for task in tasks().values()]


def fields_of(classes: Iterable[type[Options]]) -> list[OptionField]:
    """Their options; of several with one name the first."""
    found: dict[str, OptionField] = {}
    for cls in classes:
        for field in option_fields(cls):
            found.setdefault(field.name, field)
    return list(found.values())


def with_options(*classes: type[Options]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command a flag for every option that it does not name itself; it gets them unchecked as ``**options``."""
    fields = fields_of(classes)

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command)
        own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        more = [p for p in (*map(_parameter, fields), AS_JSON) if p.name not in signature.parameters]
        command.__signature__ = signature.replace(  # type: ignore[attr-defined]  # what typer reads
            parameters=[*own, *more])
        return command

    return decorate


AS_JSON = inspect.Parameter(
    "options_json", inspect.Parameter.KEYWORD_ONLY, default="", annotation=Annotated[str, typer.Option(
        "--options", metavar="JSON", help="Options as a JSON object, or @FILE that holds one; flags win.")])


def _parameter(field: OptionField) -> inspect.Parameter:
    flag = f"--{field.name.replace('_', '-')}"
    kind: Any = str
    if field.type is bool:
        flag, kind = f"{flag}/--no-{flag[2:]}", bool
    elif field.many:
        kind = list[str]
    annotation = Annotated[kind | None, typer.Option(flag, help=_help(field), metavar=_metavar(field),
                                                     show_default=False)]
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _metavar(field: OptionField) -> str | None:
    if field.type is bool:
        return None
    words = {int: "NUMBER", float: "NUMBER"}.get(field.type, "TEXT")
    shown = field.choices if len(field.choices) <= MANY else ()
    word = "|".join(shown) or {"folder": "DIR", "path": "FILE", "job": "ID"}.get(field.kind, words)
    return f"{word},..." if field.many else word


def _help(field: OptionField) -> str:
    default = ",".join(map(str, field.default)) if field.many else field.default
    text = f"{field.title}. {field.help}".strip()
    return f"{text} [default: {default}]" if default not in (None, "") else text


def given_values(*classes: type[Options], flags: Json, sweeps: bool = False,
                 others: Iterable[type[Options]] = ()) -> Json:
    """The flags somebody gave, as values for ``check``: numbers where they look like one, whole paths.

    A source flag (``--train-list``) chooses its method by itself. ``sweeps``: ``0.1,0.01`` is a list of two values
    where an option allows several. ``others`` are the options that another call of the same command takes.
    """
    fields = fields_of(classes)
    elsewhere = {field.name for field in fields_of(others)} - {field.name for field in fields}
    values = {name: value for name, value in _from_json(str(flags.get(AS_JSON.name) or "")).items()
              if name not in elsewhere}
    values |= {field.name: _value(field, flags[field.name], sweeps) for field in fields
               if flags.get(field.name) not in (None, [])}
    if any(field.name == "method" for field in fields) and "method" not in values:
        methods = [field.when["method"][0] for field in fields if field.name in values and "method" in field.when]
        values.update({"method": methods[0]} if methods else {})
    return values


def _from_json(text: str) -> Json:
    try:
        if text.startswith("@"):
            text = Path(text[1:]).expanduser().read_text(encoding="utf-8")
        found = json.loads(text or "{}")
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidOptions([Problem("options", f"This is not JSON: {error}")]) from None
    if not isinstance(found, dict):
        raise InvalidOptions([Problem("options", 'A JSON object is needed: {"width": 28, ...}.')])
    own = found.get("options", found)  # the body of a REST call, or a job.json, holds them one step deeper
    return own if isinstance(own, dict) else found


def _value(field: OptionField, given: Any, sweeps: bool) -> Any:
    if sweeps and field.sweeps and isinstance(given, str) and "," in given:
        return [_one(field, part.strip()) for part in given.split(",") if part.strip()]
    if field.many:
        return [_one(field, part.strip()) for text in given for part in text.split(",") if part.strip()]
    return _one(field, given)


def _one(field: OptionField, given: Any) -> Any:
    if field.optional and given in ("", "none"):
        return None
    if field.type in (int, float):
        try:
            return field.type(given)
        except ValueError:
            return given  # the check says what is wrong with it
    return whole_path(given) if field.kind in ("folder", "path") else given


def whole_path(text: str) -> str:
    """A path from '/' on, seen from where the command runs; addresses and ``upload:ID`` stay as they are."""
    if not text.strip() or text.lower().startswith(("http://", "https://", SCHEME, PREFIX)):
        return text
    return str(Path(text).expanduser().absolute())
