"""The registry of tasks: light data only. A new task is one module here and one line in TASKS."""

from dataclasses import dataclass
from typing import NamedTuple

from digits_core.errors import InvalidOptions, Problem
from digits_core.options import Options
from digits_core.train.options import TrainOptions


class Measure(NamedTuple):
    """A figure that people judge a network by; higher is better. ``share``: 0..1, shown as percent."""

    name: str
    title: str
    share: bool = True


@dataclass(frozen=True)
class Task:
    """What the rest of the program needs to know about a task; heavy parts are names for ``pkgutil.resolve_name``.

    ``source`` names ``function(options, roots, scan) -> Source`` (see digits_core.data.sources): what a dataset build
    reads; ``example`` the function that makes a record of a picture (see digits_core.data.decoder). Where that gives
    targets, ``target`` is their dtype, ``moves`` a class of digits_core.train.moves, ``counted`` what datasets count of
    each class, and ``drawing`` a function(pixels, target, manifest) that draws a target into its picture. ``learner``
    names a class of digits_core.train.learner's protocol; the first of ``measures`` picks the best checkpoint.
    ``answerer`` names a class of digits_core.infer.answers, and ``view`` a module of digits_core.views that shows such
    answers (empty: bars of labels).
    """

    name: str
    title: str
    dataset_options: type[Options]
    model_options: type[TrainOptions]
    source: str
    learner: str
    measures: tuple[Measure, ...]
    networks: tuple[str, ...]
    default_network: str
    example: str = "digits_core.data.decoder:labelled"
    target: str = ""
    moves: str = "digits_core.train.moves:Still"
    answerer: str = "digits_core.infer.answers:Labels"
    dense: bool = False
    """Whether networks answer for every pixel."""
    counted: str = "Pictures"
    drawing: str = ""
    view: str = ""


    @property
    def goal(self) -> str:
        """The metric that picks the best checkpoint, as metrics.jsonl calls it."""
        return f"val/{self.measures[0].name}"


def measures(name: str) -> tuple[Measure, ...]:
    """How a task judges networks; as accuracy for a task that is not known (any more)."""
    known = tasks()
    return known.get(name, known["classification"]).measures


def tasks() -> dict[str, Task]:
    """All tasks by name."""
    from digits_core.tasks import (  # each imports this one
        classification,
        detection,
        processing,
        regression,
        segmentation,
    )

    return {task.name: task for task in (classification.TASK, detection.TASK, segmentation.TASK, regression.TASK,
                                      processing.TASK)}


def task(name: str) -> Task:
    """One task. Raises InvalidOptions naming the ones there are."""
    known = tasks()
    if name not in known:
        raise InvalidOptions([Problem("task", f"There is no task {name!r}; choose one of {', '.join(known)}.")])
    return known[name]
