"""A picture beside what its generator gives back of it, and the code in between."""

from typing import Any

from PIL import Image

from digits_core.views import Bars, Panel, Table, Text, processing
from digits_core.views.processing import ViewOptions

__all__ = ["TITLE", "ViewOptions", "panels"]
TITLE = "Reconstruction"
Json = dict[str, Any]


def panels(image: Image.Image, answer: Json, options: ViewOptions) -> list[Panel]:
    """What the generator makes of the picture's code, the picture, its classes, and z."""
    kinds = [(row["label"], row["probability"]) for row in answer["predictions"]]
    return [*processing.panels(image, answer, options), *([Bars(kinds)] if kinds else []),
            Text(f"z, from which the generator makes it: {len(answer['z'])} numbers, each around 0 with a spread of 1"),
            Table(("Number", "Value"), [(number, round(value, 4)) for number, value in enumerate(answer["z"])])]
