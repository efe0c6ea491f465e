"""What an installed package brings to add a source of datasets or a view; the one module such a package imports.

An entry point of the group ``digits.plugins.data`` names an object like DataExtension, one of ``digits.plugins.view``
an object like ViewExtension. ``examples/plugin`` is a package to copy.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from PIL import Image

from digits_core import plugins
from digits_core.data.decoder import Example
from digits_core.data.pictures import placement, prepare
from digits_core.data.sources import Scan, Source
from digits_core.errors import BadData
from digits_core.options import Options, option
from digits_core.tasks import Task
from digits_core.tasks.pictures import PictureOptions, SizedOptions
from digits_core.views import Bars, Panel, Picture, Table, Text

__all__ = ["BadData", "Bars", "DataExtension", "Entry", "Example", "Options", "Panel", "Picture", "PictureOptions",
           "SizedOptions", "Table", "Text", "ViewExtension", "option", "placement", "prepare"]
Json = dict[str, Any]
SPLITS = ("train", "val", "test")


class Entry(NamedTuple):
    """One picture of a source: the name people know it by, JSON about it, and its class where the task has such."""

    name: str
    facts: Any
    label: int = 0


class DataExtension(Protocol):
    """A source of datasets for one of the tasks there are."""

    name: str
    """Short and unique, letters and digits: it stands in jobs."""
    title: str
    task: str
    """Whose networks learn from it: classification, segmentation, detection, regression, processing."""
    Options: type[PictureOptions]
    """What the form asks; the size of the pictures is among it (SizedOptions)."""

    def labels(self, options: Any) -> Sequence[str]:
        """Names of the classes (of segmentation, detection, classification) or of the numbers (regression)."""
        ...

    def entries(self, options: Any, split: str) -> Iterable[Entry]:
        """What there is for "train", and for "val" and "test" where these have sources of their own.

        Runs in the dataset's own process. Raise BadData with what is wrong, where, and what to do.
        """
        ...

    def record(self, options: Any, entry: Entry) -> Example:
        """Picture and target of one entry, see Example. Runs in a decoding process, many side by side.

        Raise BadData with the reason when it cannot be used: it is then listed, and the build goes on.
        """
        ...


class ViewExtension(Protocol):
    """A way to show answers."""

    name: str
    title: str
    accepts: Sequence[str]
    """Tasks whose answers it can show."""
    ViewOptions: type[Options]

    def panels(self, image: Image.Image, answer: Json, options: Any) -> list[Panel]:
        """Pictures, tables, bars and text for one answer about ``image`` (see digits_core.infer.answers)."""
        ...


def task_of(found: DataExtension, base: Task) -> Task:
    """The task of its name: as the one it extends, with other pictures."""
    return replace(base, name=found.name, title=found.title, base=base.name, dataset_options=found.Options,
                   source="digits_core.extension:source", example="digits_core.extension:example", streams=False)


def source(options: Any, roots: Sequence[Path], scan: Scan) -> Source:
    """List the pictures of the extension that these options belong to."""
    found = next(value for value in plugins.values(plugins.DATA) if value.Options is type(options))
    splits = {}
    for split in SPLITS:
        entries = scan.entries(split)
        for entry in found.entries(options, split):
            scan.tick()
            entries.add(entry.name, entry.label, json.dumps(entry.facts))
        if split == "train" or len(entries):
            splits[split] = entries
    more = {"extension": found.name, "options": options.model_dump(mode="json")}
    return Source([str(label) for label in found.labels(options)], splits, list(roots), keeps_labels=True,
                  classified=found.task == "classification", more=more)


def example(how: Json, location: str, name: str, extra: str) -> Example:
    """One entry's picture and target, made by its extension."""
    more = how["more"]
    found = next((value for value in plugins.values(plugins.DATA) if value.name == more["extension"]), None)
    if found is None:
        raise BadData(f"needs the extension {more['extension']}, which is not installed")
    record: Callable[..., Example] = found.record
    return record(found.Options.model_validate(more["options"]), Entry(location, json.loads(extra)))
