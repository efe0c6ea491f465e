"""What a network made of a picture, beside it."""

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digits_core.data import planes
from digits_core.options import Options, option
from digits_core.views import Panel, Picture

TITLE = "Pictures"
Json = dict[str, Any]
Pixels = NDArray[np.uint8]


class ViewOptions(Options):
    """How pictures are shown."""

    size: int = option(320, title="Shorter side", group="View", ge=32, le=2000,
                       help="Small pictures are enlarged to this, pixel by pixel.")


def panels(image: Image.Image, answer: Json, options: ViewOptions) -> list[Panel]:
    """The picture that came out, and the one that went in."""
    made = _enlarged(decoded(answer["picture"]), options.size)
    return [Picture(to_png(made), "What comes out"), Picture(to_png(_enlarged(image, options.size)), "What went in")]


def decoded(png: str) -> Image.Image:
    """The picture of an answer."""
    with Image.open(io.BytesIO(base64.b64decode(png)), formats=("PNG",)) as image:
        image.load()
        return image.copy()


def drawn(pixels: Pixels, target: Pixels, facts: Json) -> Pixels:
    """The picture at the left, the one wanted at the right."""
    both = [np.broadcast_to(part, (3, *part.shape[1:])) if len(part) == 1 else part
            for part in map(planes.shown, (pixels, target))]
    gap = np.full((3, pixels.shape[1], max(1, pixels.shape[2] // 32)), 255, np.uint8)
    return np.concatenate([both[0], gap, both[1]], 2)


def _enlarged(image: Image.Image, side: int) -> Image.Image:
    times = max(1, side // min(image.size))
    return image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST) if times > 1 else image


def to_png(image: Image.Image) -> bytes:
    """The picture as a PNG file."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
