"""Numbers about a picture: a table, and for two of them an arrow."""

import io
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from digits_core.options import Options, option
from digits_core.views import Panel, Picture, Table

TITLE = "Numbers"
Json = dict[str, Any]
COLOR = (232, 113, 10)
SMALLEST = 200


class ViewOptions(Options):
    """How numbers are shown."""

    arrow: Literal["auto", "on", "off"] = option(
        "auto", title="Arrow", labels={"auto": "For gradients", "on": "On", "off": "Off"},
        help="Draws the first two numbers as a direction from the centre; 0.5 reaches the edge.")


FIGURES = "Value"


def figures(answer: Json, options: ViewOptions) -> dict[str, float]:
    """Each number."""
    return {row["label"]: row["value"] for row in answer["values"]}


def panels(image: Image.Image, answer: Json, options: ViewOptions) -> list[Panel]:
    """The picture, with an arrow where that makes sense, and the numbers."""
    values = answer["values"]
    names = [row["label"] for row in values]
    wanted = options.arrow == "on" or (options.arrow == "auto" and [name[2:] for name in names] == ["gradient"] * 2)
    times = max(1, -(-SMALLEST // max(image.size)))
    shown = image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST)
    if wanted and len(values) >= 2:
        _arrow(shown, values[0]["value"], values[1]["value"])
    png = io.BytesIO()
    shown.save(png, "PNG")
    return [Picture(png.getvalue()), Table(("Name", "Value"), [(row["label"], row["value"]) for row in values])]


def _arrow(image: Image.Image, x: float, y: float) -> None:
    middle = np.array(image.size) / 2
    tip = middle + 2 * np.clip([x, y], -0.5, 0.5) * middle
    draw, width = ImageDraw.Draw(image), max(1, max(image.size) // 60)
    draw.line([*middle, *tip], COLOR, width)
    along = tip - middle
    length = float(np.hypot(*along))
    if length > 3:
        back, side = along / length * 4 * width, np.array([-along[1], along[0]]) / length * 2 * width
        draw.polygon([tuple(tip), tuple(tip - back + side), tuple(tip - back - side)], COLOR)


def drawn(pixels: NDArray[np.uint8], target: NDArray[np.float32], facts: Json) -> NDArray[np.uint8]:
    """The picture of a dataset; numbers are told beside it, the arrow of a gradient is drawn."""
    names = [str(label) for label in facts.get("labels", [])]
    if [name[2:] for name in names] != ["gradient"] * 2:
        return pixels
    rgb = np.repeat(pixels, 3, 0) if len(pixels) == 1 else pixels
    image = Image.fromarray(np.ascontiguousarray(rgb.transpose(1, 2, 0)))
    _arrow(image, float(target[0]), float(target[1]))
    return np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1))
