"""Makes the jobs of a recipe: datasets that are not here yet first, then what is trained on them."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from digits_core.errors import BadState, DigitsError, InvalidOptions, Problem
from digits_core.jobs.model import Kind, Status
from digits_core.jobs.store import JobView
from digits_core.options import Options, check, option_fields
from digits_core.services import recipe_file, versions, weights
from digits_core.services.access import authorize
from digits_core.services.datasets import create_dataset
from digits_core.services.jobs import is_name, together
from digits_core.services.models import create_model
from digits_core.services.recipes import KEY, SCHEMA, digest
from digits_core.services.workspace import Workspace
from digits_core.tasks import tasks

Json = dict[str, Any]
KINDS = ("dataset", "model", "pretrained")
MOST = 100


class Made(NamedTuple):
    """What came of a recipe: its jobs, the last one last, and the ids of those that were here already."""

    jobs: list[JobView]
    known: list[str]


def run(workspace: Workspace, user: str, text: str, data: dict[str, str] | None = None, name: str = "") -> Made:
    """Make the jobs of a recipe. ``data`` maps paths of the recipe (or their beginnings) to paths of this server.

    A dataset that is here, by its digest, is used as it is. ``name`` is that of the last job. Everything is checked
    first: with a problem nothing is made. Raises InvalidOptions, each problem with field and line.
    """
    authorize(user, "create")
    content, lines = recipe_file.load(text)
    parts = _parts(content, lines)
    here, checks = dict(_here(workspace, parts)), []
    for number, part in enumerate(parts):
        if part["id"] not in here:
            part["options"] = _mapped(part, data or {})
            checks.append(partial(_say, lines, number, partial(_check, workspace, part)))
    together(*checks)
    if name and parts[-1]["id"] not in here:
        parts[-1]["name"] = name
    known, made = list(here.values()), []
    for number, part in enumerate(parts):
        if part["id"] not in here:
            view = _say(lines, number, partial(_make, workspace, user, part, here))
            here[part["id"]] = view.id
        made.append(workspace.store.get(here[part["id"]]))
    return Made(made, known)


def _parts(content: Json, lines: dict[str, int]) -> list[Json]:
    version, jobs = content.get(KEY), content.get("jobs")
    if not isinstance(version, int) or isinstance(version, bool):
        raise InvalidOptions([Problem(KEY, "This is no recipe: it begins with 'digits_recipe: 1'.")])
    if version > SCHEMA:
        raise InvalidOptions([Problem(KEY, f"The recipe was made by a newer version of DIGITS (schema {version}, this "
                                           f"one reads up to {SCHEMA}).")])
    if not isinstance(jobs, list) or not 0 < len(jobs) <= MOST:
        raise InvalidOptions([Problem("jobs", f"A recipe has a list of 1 to {MOST} jobs.")])
    problems = [Problem(field, f"Line {lines.get(field, 1)}: {words}") for number, part in enumerate(jobs)
                for field, words in _odd(f"jobs.{number}", part)]
    if problems:
        raise InvalidOptions(problems)
    return [dict(part) for part in jobs]


def _odd(place: str, part: Any) -> Iterator[tuple[str, str]]:
    """What is wrong with one job, before anything is looked up."""
    if not isinstance(part, dict):
        yield place, "A job is a mapping with id, kind, task, name and options."
        return
    if part.get("kind") not in KINDS:
        yield f"{place}.kind", f"The kind is one of {', '.join(KINDS)}."
    if part.get("task") not in [*tasks()]:  # a list: the value may be anything
        yield f"{place}.task", f"There is no task {str(part.get('task'))[:60]!r} here."
    for name in ("id", "name"):
        if not isinstance(part.get(name), str) or not is_name(part[name]):
            yield f"{place}.{name}", "A text of 1 to 200 characters is needed here."
    options = part.get("options")
    if not isinstance(options, dict) or not all(isinstance(name, str) for name in options):
        yield f"{place}.options", "Options are a mapping."
    elif options.get("extension") and options["extension"] not in [*tasks()]:
        yield f"{place}.options.extension", "There is no such extension here."
    if not isinstance(part.get("group", ""), str):
        yield f"{place}.group", "A text is needed here."


def _here(workspace: Workspace, parts: list[Json]) -> Iterator[tuple[str, str]]:
    """Ids of the recipe and of the jobs here that are the same thing; never the last one's: that is to be run."""
    wanted = {str(made["digest"]): part["id"] for part in parts[:-1]
              if isinstance(made := part.get("made"), dict) and made.get("digest")}
    found: dict[str, str] = {}
    for view in workspace.store.jobs(Kind.DATASET) if wanted else ():
        if view.status is Status.DONE and (part_id := wanted.get(digest(view))):
            found.setdefault(part_id, view.id)
    for part in parts[:-1]:  # a model to start from must be the very one
        if part["kind"] == "model" and part["id"] in workspace.store.ids():
            found[part["id"]] = part["id"]
    yield from found.items()


def _mapped(part: Json, data: dict[str, str]) -> Json:
    """The options with the paths of this server."""
    cls = _options_of(part)
    paths = {field.name for field in option_fields(cls) if field.kind in ("folder", "path")}
    return {name: _path(value, data) if name in paths and isinstance(value, str) else value
            for name, value in part["options"].items()}


def _path(value: str, data: dict[str, str]) -> str:
    for old, new in sorted(data.items(), key=lambda pair: -len(pair[0])):
        if value == old or value.startswith(old.rstrip("/") + "/"):
            return new.rstrip("/") + value[len(old.rstrip("/")):]
    return value


def _options_of(part: Json) -> type[Options]:
    task = tasks()[str(part["options"].get("extension") or part["task"])]
    return task.dataset_options if part["kind"] == "dataset" else task.model_options


def _check(workspace: Workspace, part: Json) -> None:
    """Raise InvalidOptions for what is wrong with the options of one job, paths that are not here among it."""
    options = part["options"]
    if part["kind"] == "pretrained" or "parent" in options:
        return
    cls, left = _options_of(part), ("extension", "dataset")
    values = {name: value for name, value in options.items() if name not in left}
    try:
        check(cls, values, workspace.settings.data_roots)
    except InvalidOptions as error:
        raise InvalidOptions([_with_advice(problem, options) for problem in error.problems]) from None


def _with_advice(problem: Problem, options: Json) -> Problem:
    value = options.get(problem.field)
    if isinstance(value, str) and value.startswith(("/", "job:")) and not Path(value).exists():
        return Problem(problem.field, f"{value!r} is not on this server. Say where it is here: --data {value}=/path "
                                      "(or 'data' of the REST call).")
    return problem


def _make(workspace: Workspace, user: str, part: Json, here: dict[str, str]) -> JobView:
    options = {name: here.get(value, value) if isinstance(value, str) else value
               for name, value in part["options"].items()}
    name, group = part["name"], part.get("group", "")
    if part["kind"] == "pretrained":
        return weights.fetch_weights(workspace, user, str(options.get("network")), str(options.get("weights")), name,
                                     group)
    if part["kind"] == "model":
        return create_model(workspace, user, name, str(options.pop("dataset", "")), options, group)
    if "parent" in options:
        return _version(workspace, user, options, name, group)
    return create_dataset(workspace, user, str(options.pop("extension", "") or part["task"]), name, options, group)


def _version(workspace: Workspace, user: str, options: Json, name: str, group: str) -> JobView:
    parent = str(options["parent"])
    if parent in workspace.store.ids() and workspace.store.get(parent).status is not Status.DONE:
        raise BadState(f"'{name}' is a version of a dataset that is not built yet. Run the recipe again when it is.")
    if isinstance(options.get("add"), dict):
        return versions.add_pictures(workspace, user, parent, options["add"], name, group)
    if isinstance(options.get("select"), dict):
        return versions.create_subset(workspace, user, parent, options["select"], name, group)
    raise BadState(f"'{name}' is a version with single changes, which a recipe does not hold. Move it as a bundle.")


def _say(lines: dict[str, int], number: int, action: Any) -> Any:
    """Do it; problems get the field's place in the recipe and its line."""
    try:
        return action()
    except InvalidOptions as error:
        raise InvalidOptions([_placed(lines, f"jobs.{number}.options", problem) for problem in error.problems]) \
            from None
    except DigitsError as error:
        raise InvalidOptions([_placed(lines, f"jobs.{number}", Problem("", str(error)))]) from None


def _placed(lines: dict[str, int], place: str, problem: Problem) -> Problem:
    field = f"{place}.{problem.field}" if problem.field else place
    line = lines.get(field) or lines.get(place) or 1
    return Problem(field, f"Line {line}: {problem.message}")
