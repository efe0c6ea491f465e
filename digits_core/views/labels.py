"""The most probable labels as bars."""

from typing import Any

from PIL import Image

from digits_core.options import Options, option
from digits_core.views import Bars, Panel

TITLE = "Labels"
Json = dict[str, Any]


class ViewOptions(Options):
    """How labels are shown."""

    top: int = option(5, title="Labels", group="View", ge=1, le=1000, help="So many of the most probable ones.")


FIGURES = "Probability"


def figures(answer: Json, options: ViewOptions) -> dict[str, float]:
    """The probability of each label that was noted."""
    return {row["label"]: row["probability"] for row in answer["predictions"]}


def panels(image: Image.Image, answer: Json, options: ViewOptions) -> list[Panel]:
    """The best labels with their probabilities."""
    return [Bars([(row["label"], row["probability"]) for row in answer["predictions"][:options.top]])]
