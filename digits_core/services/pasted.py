"""What somebody pastes into a form: the JSON of a REST call, a job.json, or the YAML of a recipe."""

import json
from typing import Any, NamedTuple

from pydantic import ValidationError

from digits_core.errors import InvalidOptions, Problem
from digits_core.options import Options, check, option_fields
from digits_core.services import recipe_file
from digits_core.services.recipes import KEY

Json = dict[str, Any]
LONGEST = 1_000_000
BESIDE = ("name", "group", "dataset", "model", "checkpoint", "draws", "search", "view_options", "task")
"""What may stand beside the options; a form takes of it what it has a field for."""
FACTS = ("v", "id", "kind", "owner", "created", "needs", "checkpoint_file", "extension", "allow_code", "made",
         "ran_with")
"""What job.json says beyond that; it describes the job that was, not the one that will be."""


class Pasted(NamedTuple):
    """What was found: what stands beside the options, single values of options, and lists of several to try."""

    beside: Json
    options: Json
    several: Json


def read(text: str, cls: type[Options], sweeps: bool = False) -> Pasted:
    """The values in a pasted text, each of which fits its option.

    Options may stand alone or under ``options``. ``sweeps``: an option may hold a list of values or a range to try.
    Raises InvalidOptions with every problem at its field: no JSON, unknown names, values that do not fit.
    """
    found = _object(text, cls)
    nested = found.get("options")
    values = dict(nested if isinstance(nested, dict) else found)
    head = found if isinstance(nested, dict) else {}
    unknown = [name for name in head if name not in (*BESIDE, *FACTS, "options")]
    beside = {name: head[name] for name in BESIDE if name in head}
    for name in (*BESIDE, *FACTS):
        if name in values and name not in cls.model_fields:
            value = values.pop(name)
            beside.setdefault(name, value)
    problems = [Problem(name, "There is no such field; options stand under \"options\".") for name in unknown]
    several = _several(cls, values) if sweeps else {}
    problems += [problem for name, given in several.items() for problem in _wrong(cls, name, given)]
    single = {name: value for name, value in values.items() if name not in several}
    problems += _problems(cls, single) + _texts(beside)
    if problems:
        raise InvalidOptions(problems)
    return Pasted({name: value for name, value in beside.items() if name in BESIDE}, single, several)


def _object(text: str, cls: type[Options]) -> Json:
    if len(text) > LONGEST:
        raise InvalidOptions([Problem("", f"The text is longer than {LONGEST:,} characters.")])
    if text.strip() and not text.lstrip().startswith("{"):
        return _of_recipe(recipe_file.load(text)[0], cls)
    try:
        found = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        where = f"line {error.lineno}, column {error.colno}: {error.msg}" if isinstance(error, json.JSONDecodeError) \
            else str(error)
        raise InvalidOptions([Problem("", f"This is not JSON: {where}.")]) from None
    if not isinstance(found, dict):
        raise InvalidOptions([Problem("", 'A JSON object is needed: {"options": {"width": 28, ...}}.')])
    return found


def _of_recipe(found: Json, cls: type[Options]) -> Json:
    """The job of a recipe whose options these are; any other mapping as it is."""
    jobs = found.get(KEY) and found.get("jobs")
    parts = [part for part in jobs if isinstance(part, dict) and isinstance(part.get("options"), dict)] \
        if isinstance(jobs, list) else []
    return max(parts, key=lambda part: sum(name in cls.model_fields for name in part["options"]), default=found)


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not a number")


def _several(cls: type[Options], values: Json) -> Json:
    """The options that hold a list of values, or a range as text, where one value is the rule."""
    able = {field.name: field for field in option_fields(cls) if field.sweeps}
    return {name: value for name, value in values.items() if name in able
            and (isinstance(value, list) or (isinstance(value, str) and ".." in value))}


def _wrong(cls: type[Options], name: str, given: Any) -> list[Problem]:
    """What is wrong with the values of a list, each for itself; a range is checked where it is made."""
    values = given if isinstance(given, list) else ()
    return [problem for value in values for problem in _problems(cls, {name: value})]


def _problems(cls: type[Options], values: Json) -> list[Problem]:
    """Unknown names and values that do not fit; what is missing, or wrong between fields, the form says itself."""
    try:
        cls.model_validate(values)
    except ValidationError as error:
        bad = {str(e["loc"][0]) for e in error.errors() if e["loc"] and e["type"] != "missing"}
    else:
        return []
    problems = []
    for name in (name for name in values if name in bad):
        try:
            check(cls, {name: values[name]})
        except InvalidOptions as error:
            problems += [problem for problem in error.problems if problem.field == name]
    return problems


def _texts(beside: Json) -> list[Problem]:
    kinds = {"draws": int, "search": dict, "view_options": dict}
    return [Problem(name, f"A {'number' if name == 'draws' else 'JSON object' if name in kinds else 'text'} is needed "
                          "here.") for name, value in beside.items()
            if name in BESIDE and not isinstance(value, kinds.get(name, str))]
