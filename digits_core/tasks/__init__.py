"""The registry of tasks: light data only. A new task is one module here and one line in TASKS."""

from dataclasses import dataclass
from typing import NamedTuple

from digits_core import plugins
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
    targets, ``target`` is their dtype ("pixels": that of the pictures), ``moves`` a class of digits_core.train.moves,
    ``counted`` what datasets count of each class, and ``drawing`` a function(pixels, target, manifest) that draws a
    target into its picture. ``learner`` names a class of digits_core.train.learner's protocol; the first of
    ``measures`` picks the best checkpoint. ``answerer`` names a class of digits_core.infer.answers, and ``view`` a
    module of digits_core.views that shows such answers (empty: bars of labels).
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
    output: str = "probabilities"
    """What an exported network gives, see digits_core.infer.signature."""
    dense: bool = False
    """Whether networks answer about places in pictures of any size: they learn from crops, and see whole pictures."""
    trial: str = ""
    """Names function(make, input_shape, classes) that tries a custom network; empty: one that gives logits."""
    counted: str = "Pictures"
    drawing: str = ""
    caption: str = ""
    """Names function(target, manifest) that tells a target in words."""
    view: str = ""
    judge: str = ""
    """Names a class of digits_core.evaluate.tested that measures answers about a dataset; classifiers need none."""
    base: str = ""
    """Of an extension's source: the task that models are trained for."""
    named: str = ""
    """Names function(answer) -> labels of digits_core.infer.named; empty: answers have none that could be pinned."""
    held: str = ""
    """Names a class of digits_core.modelstore.right, which says when an answer without labels is right."""
    streams: bool = False
    """Whether a scan opens no picture and each record is made of its own file alone: it may come when it is decoded."""
    pictures: bool = True
    """Whether entries are pictures; else nothing is measured over their pixels, and versions and maps do not suit."""
    sides: tuple[int, int] = (1, 10_000)
    """Sides of pictures that its networks take, in pixels."""
    maker: str = ""
    """Names function(predictor, pictures, wanted) -> panels that makes pictures, see digits_core.infer.making."""
    datasets: str = ""
    """The task whose datasets its models learn from; empty: its own. With it a task has no source."""
    embeds: bool = False
    """Whether answers are places ("embedding"), by which two pictures can be compared, with predictions of labels."""

    @property
    def goal(self) -> str:
        """The metric that picks the best checkpoint, as metrics.jsonl calls it."""
        return f"val/{self.measures[0].name}"

    @property
    def names_labels(self) -> bool:
        """Whether answers hold labels with probabilities, so that a dataset with labels can be tested."""
        return self.embeds or not self.view

    @property
    def can_pin(self) -> bool:
        """Whether an answer can be right or wrong, so that a published model can be held to it."""
        return bool(self.named or self.held)

    @property
    def learns_from(self) -> str:
        """The task of the datasets that its models are trained on."""
        return self.datasets or self.name


def measures(name: str) -> tuple[Measure, ...]:
    """How a task judges networks; as accuracy for a task that is not known (any more)."""
    known = tasks()
    return known.get(name, known["classification"]).measures


def tasks() -> dict[str, Task]:
    """All tasks by name, those of installed data extensions behind."""
    from digits_core.tasks import (  # each imports this
        classification,
        detection,
        generation,
        multilabel,
        processing,
        regression,
        segmentation,
        similarity,
        text,
    )

    built_in = (classification, detection, segmentation, regression, processing, similarity, multilabel, generation,
                text)
    known = {module.TASK.name: module.TASK for module in built_in}
    return {**known, **extended(known)}


def extended(known: dict[str, Task]) -> dict[str, Task]:
    """The tasks that data extensions add; those whose name or task does not fit are left out."""
    found = plugins.values(plugins.DATA)
    if not found:
        return {}
    from digits_core.extension import task_of  # NumPy, Pillow: only where there is one

    return {value.name: task_of(value, known[value.task]) for value in found
            if value.task in known and value.name not in known}


def sources() -> dict[str, Task]:
    """The tasks that datasets are made for, by name."""
    return {name: task for name, task in tasks().items() if task.source}


def trainable() -> dict[str, Task]:
    """The tasks that models are trained for, by name: without the sources that extensions add."""
    return {name: task for name, task in tasks().items() if not task.base}


def model_task(dataset_task: str, asked: str) -> Task:
    """What a model learns from a dataset of ``dataset_task``: that, or the task that is asked for (option ``task``).

    Raises InvalidOptions when there is no such task, or it learns from other datasets.
    """
    found = task(asked or dataset_task)
    if found.learns_from != dataset_task:
        able = [name for name, kind in trainable().items() if kind.learns_from == dataset_task]
        raise InvalidOptions([Problem("task", f"{found.title} does not learn from a dataset of {dataset_task}; choose "
                                              f"one of {', '.join(able)}.")])
    return found


def task(name: str) -> Task:
    """One task. Raises InvalidOptions naming the ones there are."""
    return _one_of(tasks(), name)


def source(name: str) -> Task:
    """One task that datasets are made for. Raises InvalidOptions naming the ones there are."""
    return _one_of(sources(), name)


def _one_of(known: dict[str, Task], name: str) -> Task:
    if name not in known:
        raise InvalidOptions([Problem("task", f"There is no task {name[:60]!r} here; choose one of "
                                              f"{', '.join(known)}.")])
    return known[name]
