"""What a task's answers look like, as values that any page, program or terminal can show; never widgets, no torch.

A view is a module with ``ViewOptions`` (described once, as all options) and ``panels(image, answer, options)``.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from PIL import Image

from digits_core.options import check

Json = dict[str, Any]


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
    """Names with a share (0..1) each, in the order in which they are shown; ``colors`` as #rrggbb where they matter."""

    rows: Sequence[tuple[str, float]]
    colors: Sequence[str] = ()


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


def panels(view: str, image: Image.Image, answer: Json, options: Json) -> list[Panel]:
    """What the view of this name makes of an answer. Raises InvalidOptions when the options are none of its own."""
    module = import_module(view)
    found: list[Panel] = module.panels(image, answer, check(module.ViewOptions, options))
    return found
