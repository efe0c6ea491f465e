"""Many trainings side by side: what differs in their settings, what they reached, and which to show."""

import colorsys
import hashlib
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from digits_core.errors import DigitsError, InvalidOptions, Problem
from digits_core.jobs.model import Kind
from digits_core.jobs.store import JobView
from digits_core.options import OptionField, option_fields
from digits_core.services.measured import Series, is_better_high, measure
from digits_core.services.workspace import Workspace
from digits_core.tasks import task

Json = dict[str, Any]
Settings = dict[str, str]
LIMIT = 1000
UNSET = "–"
HUES = 40
"""Times three tones: few enough for curves of one colour to be drawn together, many enough to tell runs apart."""


@dataclass(frozen=True)
class Run:
    """One training in a comparison; ``settings`` are words, so that they can be ticked, shown and filtered."""

    id: str
    name: str
    group: str
    status: str
    color: str
    """Follows from the id, so it is the same today and tomorrow, whoever else is compared."""
    settings: Settings
    series: dict[str, Series]
    metrics_path: Path


@dataclass(frozen=True)
class Comparison:
    """Runs in the order asked for, the settings that differ with all their values, and the metrics there are."""

    runs: tuple[Run, ...]
    differing: dict[str, tuple[str, ...]]
    titles: dict[str, str]
    metrics: tuple[str, ...]


def compare(workspace: Workspace, ids: Sequence[str] = (), group: str | None = None,
            read: Callable[[Path], dict[str, Series]] = measure, known: Sequence[JobView] | None = None) -> Comparison:
    """Compare these trainings, or those of a group, or (neither given) the newest ones of all.

    Ids that are gone are left out; an id that is no training is a problem. ``read`` may keep what it read;
    ``known`` are all trainings, where somebody has just looked at every job.
    """
    views = _asked(workspace, ids) if ids else _in_group(trainings(workspace) if known is None else known, group)
    names = {need: _name(workspace, need) for need in {need for view in views for need in view.job.needs}}
    tasks = {name: _fields(name) for name in {view.job.task for view in views}}
    runs = tuple(_run(view, names, tasks[view.job.task], read) for view in views)
    differing = {name: values for name in _settings(runs) if len(values := _values(runs, name)) > 1}
    found = {metric for run in runs for metric in run.series}
    titles = {field.name: field.title for fields in tasks.values() for field in fields.values()}
    return Comparison(runs, differing, {**titles, "dataset": "Dataset"}, tuple(sorted(found, key=_metric_order)))


def _asked(workspace: Workspace, ids: Sequence[str]) -> list[JobView]:
    views = []
    for job_id in dict.fromkeys(ids[:LIMIT]):
        try:
            view = workspace.store.get(job_id)
        except DigitsError:
            continue  # deleted since the link was made
        if view.job.task and view.job.kind is not Kind.MODEL:
            raise InvalidOptions([Problem("runs", f"'{view.name}' is a {view.job.kind}, not a training; only "
                                          "trainings have curves to compare.")])
        views += [view] if view.job.task else []
    return views


def trainings(workspace: Workspace) -> list[JobView]:
    """Everything that could be compared, newest first."""
    return [view for view in workspace.store.jobs(Kind.MODEL) if view.job.kind is Kind.MODEL and view.job.task]


def _in_group(views: Sequence[JobView], group: str | None) -> list[JobView]:
    return [view for view in views if group is None or view.group == group][:LIMIT]


def _name(workspace: Workspace, job_id: str) -> str:
    try:
        return f"{workspace.store.get(job_id).name} ({job_id[-4:]})"
    except DigitsError:
        return job_id


def _run(view: JobView, names: Mapping[str, str], fields: Mapping[str, OptionField],
         read: Callable[[Path], dict[str, Series]]) -> Run:
    return Run(view.id, view.name, view.group, str(view.status), color(view.id), _words(view, names, fields),
               read(view.folder.metrics), view.folder.metrics)


def color(job_id: str) -> str:
    """A colour that reads on light and dark ground, from the id alone."""
    number = zlib.crc32(job_id.encode())
    hue = number % HUES / HUES
    lightness, strength = ((0.4, 0.8), (0.55, 0.6), (0.5, 0.95))[number // HUES % 3]
    return "#" + "".join(f"{round(255 * part):02x}" for part in colorsys.hls_to_rgb(hue, lightness, strength))


def _fields(name: str) -> dict[str, OptionField]:
    try:
        return {field.name: field for field in option_fields(task(name).model_options)}
    except DigitsError:
        return {}  # a task of an extension that is not installed any more


def _words(view: JobView, names: Mapping[str, str], fields: Mapping[str, OptionField]) -> Settings:
    """Every setting of a run as words; those that do not matter beside the others are not set."""
    options = view.job.options
    complete = {**{name: field.default for name, field in fields.items()}, **options}
    return {str(name): word(names.get(value, value) if isinstance(value, str) else value)
            if name not in fields or fields[name].matters(complete) else UNSET for name, value in options.items()}


def word(value: object) -> str:
    """A setting's value in a few letters; a long text (a network's source) as its fingerprint."""
    if value is None or value == "" or value == []:
        return UNSET
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    text = ", ".join(map(word, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= 60 and "\n" not in text else f"text {hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _settings(runs: Sequence[Run]) -> list[str]:
    """Names of all settings; the seed last, because it nearly always differs and says little."""
    names = dict.fromkeys(name for run in runs for name in run.settings)
    return sorted(names, key=lambda name: name == "seed")


def _values(runs: Sequence[Run], name: str) -> tuple[str, ...]:
    return tuple(sorted({run.settings.get(name, UNSET) for run in runs}, key=_value_order))


def _value_order(text: str) -> tuple[int, float, str]:
    number = as_number(text)
    return (0, number, "") if number is not None else (1, 0.0, text)


def as_number(text: str) -> float | None:
    """The number that a value's words say; None for other words."""
    try:
        return float(text)
    except ValueError:
        return None


def _metric_order(metric: str) -> tuple[int, str]:
    usual = ("val/accuracy", "val/loss", "train/loss")
    return (usual.index(metric) if metric in usual else len(usual), metric)


def shown(comparison: Comparison, off: Mapping[str, Collection[str]], hidden: Collection[str] = ()) -> list[Run]:
    """Runs all of whose values are ticked (none in ``off``) and that nobody hid."""
    return [run for run in comparison.runs if run.id not in hidden and
            not any(run.settings.get(name, UNSET) in values for name, values in off.items())]


def table(comparison: Comparison, all_settings: bool = False) -> list[Json]:
    """One row a run: id, name, status, its settings (those that differ, or all), best and final values."""
    names = _settings(comparison.runs) if all_settings else list(comparison.differing)
    return [{"id": run.id, "name": run.name, "status": run.status, "color": run.color,
             "settings": {name: run.settings.get(name, UNSET) for name in names},
             "best": {name: series.best for name, series in run.series.items()},
             "best_epoch": {name: series.best_epoch for name, series in run.series.items()},
             "final": {name: series.final for name, series in run.series.items()}} for run in comparison.runs]


def winners(comparison: Comparison) -> Json:
    """For each metric the run that reached its best value: id, name, value, epoch."""
    found: Json = {}
    for metric in comparison.metrics:
        runs = [run for run in comparison.runs if metric in run.series]
        top = (max if is_better_high(metric) else min)(runs, key=lambda run: run.series[metric].best)
        found[metric] = {"id": top.id, "name": top.name, "value": top.series[metric].best,
                         "epoch": top.series[metric].best_epoch}
    return found


def describe(comparison: Comparison, all_settings: bool = False, curves: bool = False) -> Json:
    """The comparison as plain JSON, the shape that REST and ``--json`` answer with."""
    answer: Json = {"runs": table(comparison, all_settings), "best": winners(comparison),
                    "differing": {name: list(values) for name, values in comparison.differing.items()}}
    if curves:
        for row, run in zip(answer["runs"], comparison.runs, strict=True):
            row["curves"] = {name: {axis: list(points) for axis, points in asdict(series).items()
                                    if isinstance(points, tuple)} for name, series in run.series.items()}
    return answer
