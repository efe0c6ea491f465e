"""What a task's answers look like, as values that any page, program or terminal can show; never widgets, no torch.

A view is a module with ``ViewOptions`` (described once, as all options) and ``panels(image, answer, options)``. A
task's own may also have ``content(facts)``, panels about a dataset by its manifest, and ``figures(answer, options)``
with their title ``FIGURES``: numbers by name that can be followed through a video.
"""

import base64
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from PIL import Image

from digits_core import plugins
from digits_core.errors import DigitsError
from digits_core.options import check

Json = dict[str, Any]
log = logging.getLogger("digits.views")


@dataclass(frozen=True)
class Picture:
    """A PNG to look at."""

    png: bytes
    caption: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of values under named columns."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Bars:
    """Names with a share (0..1) each, in the order in which they are shown; ``colors`` as #rrggbb where they matter.

    ``marks``: from which share on each counts, where that is to be seen.
    """

    rows: Sequence[tuple[str, float]]
    colors: Sequence[str] = ()
    marks: Sequence[float] = ()

    def counting(self) -> list[str]:
        """The names whose share reaches its mark; all where there are none."""
        marks = self.marks or [0.0] * len(self.rows)
        return [name for (name, share), mark in zip(self.rows, marks, strict=True) if share >= mark]


@dataclass(frozen=True)
class Text:
    """A plain sentence."""

    text: str


Panel = Picture | Table | Bars | Text


def to_json(panel: Panel) -> Json:
    """A panel as JSON: its kind, and its fields; PNG in base64."""
    values = {name: base64.b64encode(value).decode() if isinstance(value, bytes) else value
              for name, value in vars(panel).items()}
    return {"kind": type(panel).__name__.lower(), **values}


def from_json(found: Json) -> Panel:
    """The panel that ``to_json`` told of."""
    values = {name: value for name, value in found.items() if name != "kind"}
    if found["kind"] == "picture":
        return Picture(base64.b64decode(values["png"]), values["caption"])
    kind: type[Panel] = {"table": Table, "bars": Bars, "text": Text}[found["kind"]]
    return kind(**values)


def views(task: str, own: str) -> dict[str, Any]:
    """By name, what can show answers of a task: its own view, raw data, and installed extensions that accept it.

    ``own`` is the dotted name of the task's view; empty for bars of labels.
    """
    modules = [own_view(own), import_module("digits_core.views.raw")]
    found = {module.__name__.rpartition(".")[2]: module for module in modules}
    return {**found, **{value.name: value for value in plugins.values(plugins.VIEW) if task in value.accepts}}


def content(own: str, facts: Json) -> list[Panel]:
    """What a task's own view tells about a dataset by its manifest; nothing where it has no function ``content``."""
    tell = getattr(import_module(own), "content", None) if own else None
    found: list[Panel] = tell(facts) if tell else []
    return found


def figures(own: str, answer: Json, options: Json) -> dict[str, float]:
    """What can be followed from frame to frame of an answer by a task's own view; nothing of one with an error."""
    view = own_view(own)
    tell = getattr(view, "figures", None)
    if tell is None or answer.get("error"):
        return {}
    found: dict[str, float] = tell(answer, view.ViewOptions.model_validate(options))
    return found


def own_view(own: str) -> Any:
    """The module of a task's own view; empty: that of bars of labels."""
    return import_module(own or "digits_core.views.labels")


def title(name: str, view: Any) -> str:
    """What a view is called."""
    return str(getattr(view, "title", None) or getattr(view, "TITLE", name))


def panels(view: Any, image: Image.Image, answer: Json, options: Json) -> list[Panel]:
    """What a view makes of an answer. Raises InvalidOptions when the options are none of its own.

    A view that somebody else wrote may fail: that is said in its place.
    """
    checked = check(view.ViewOptions, options)
    try:
        found: list[Panel] = view.panels(image, answer, checked)
    except DigitsError:
        raise
    except Exception as error:
        log.exception("the view %s failed", view)
        return [Text(f"This view failed: {type(error).__name__}: {error}")]
    return found
