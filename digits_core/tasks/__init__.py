"""The registry of tasks: light data only. A new task is one module here and one line in TASKS."""

from dataclasses import dataclass

from digits_core.errors import InvalidOptions, Problem
from digits_core.options import Options
from digits_core.train.options import TrainOptions


@dataclass(frozen=True)
class Task:
    """What the rest of the program needs to know about a task; heavy parts are names for ``pkgutil.resolve_name``.

    ``source`` names ``function(options, roots, scan) -> Source`` (see digits_core.data.sources): what a dataset build
    reads; ``example`` the function that makes a record of a picture (see digits_core.data.decoder). Where that gives
    targets, ``target`` is their dtype, and ``moves`` a class of digits_core.train.moves. ``learner`` names a class of
    digits_core.train.learner's protocol. ``goal`` is the metric that picks the best checkpoint, higher is better.
    ``answerer`` names a class of digits_core.infer.answers.
    """

    name: str
    title: str
    dataset_options: type[Options]
    model_options: type[TrainOptions]
    source: str
    learner: str
    goal: str
    networks: tuple[str, ...]
    default_network: str
    example: str = "digits_core.data.decoder:labelled"
    target: str = ""
    moves: str = "digits_core.train.moves:Still"
    answerer: str = "digits_core.infer.answers:Labels"


def tasks() -> dict[str, Task]:
    """All tasks by name."""
    from digits_core.tasks import classification  # each module imports this one

    return {task.name: task for task in (classification.TASK,)}


def task(name: str) -> Task:
    """One task. Raises InvalidOptions naming the ones there are."""
    known = tasks()
    if name not in known:
        raise InvalidOptions([Problem("task", f"There is no task {name!r}; choose one of {', '.join(known)}.")])
    return known[name]
