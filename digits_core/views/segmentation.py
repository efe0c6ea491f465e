"""Masks over their pictures: classes in colours, lines around them, the mask alone, and who has which colour."""

import base64
import io
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digits_core.data import planes
from digits_core.data.masks import IGNORED, Colour, Mask, open_label
from digits_core.options import Options, option
from digits_core.views import Bars, Panel, Picture

TITLE = "Masks"
Json = dict[str, Any]
Pixels = NDArray[np.uint8]

LARGEST = 1600
"""Longer sides are shown at this size, in pixels."""
SAFE: list[Colour] = [(0, 0, 0), (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178),
                      (213, 94, 0), (204, 121, 167)]
"""Colours that colour-blind people can tell apart. Source: Okabe and Ito, https://jfly.uni-koeln.de/color/."""
BACKGROUND = 0
"""The class that is not coloured by itself, as in DIGITS."""


class ViewOptions(Options):
    """How masks are shown."""

    opacity: float = option(0.4, title="Opacity", group="View", ge=0, le=1, help="Of the colours over the picture.")
    line_width: int = option(2, title="Line width", group="View", ge=0, le=6,
                             help="Pixels of the line around each area, on its inner side; 0: none.")
    colours: Literal["dataset", "safe", "grey"] = option(
        "dataset", title="Colours", group="View",
        labels={"dataset": "From dataset", "safe": "Colour-blind safe", "grey": "Greys"},
        help="From dataset: those of its colour map or palette; without one the safe ones.")
    background: bool = option(False, title="Colour the first class", group="View",
                              help="The first class (number 0) is usually what surrounds the others.")
    only: str = option("", title="Only this class", group="View", help="Its name; empty: all of them.")


FIGURES = "Share of the picture"


def figures(answer: Json, options: ViewOptions) -> dict[str, float]:
    """The share of each class."""
    return {row["label"]: row["share"] for row in answer["classes"]}


def panels(image: Image.Image, answer: Json, options: ViewOptions) -> list[Panel]:
    """The picture with the mask over it, the mask alone, and the classes' shares with their colours.

    ``answer`` is what digits_core.infer.answers.Mask gives: a mask in the picture's pixels, and classes with number,
    name, share and perhaps colour, which come back in the same order.
    """
    image = _small(image.convert("RGB"))
    mask = _small_mask(answer["mask"], image.size)
    classes = answer["classes"]
    colours = _colours(classes, options.colours)
    if options.only:
        numbers = [row["class"] for row in classes if row["label"] == options.only.strip()]
        mask = np.where(np.isin(mask, numbers), mask, IGNORED).astype(np.uint8)
    skipped = () if options.background else (BACKGROUND,)
    over = painted(np.asarray(image), mask, colours, options.opacity, options.line_width, skipped)
    alone = painted(np.full_like(over, 255), mask, colours, 1.0, 0)
    shown = [row for row in classes if row["share"] > 0]
    return [Picture(_png(over), "Classes over the picture"), Picture(_png(alone), "Classes alone"),
            Bars([(row["label"], row["share"]) for row in shown],
                 [hexadecimal(colours[row["class"]]) for row in shown])]


def drawn(pixels: Pixels, mask: Mask, facts: Json) -> Pixels:
    """Pixels (3, H, W) of a dataset's picture (1 or 3, H, W) with its mask over it; ``facts`` are its manifest's."""
    rows = [{"class": number} for number in range(len(facts.get("labels", ())))]
    given = facts.get("details", {}).get("rule", {}).get("colours", ())
    colours = _colours([{**row, "colour": given[row["class"]]} if row["class"] < len(given) else row for row in rows],
                       "dataset")
    picture = np.broadcast_to(planes.shown(pixels), (3, *pixels.shape[1:])).transpose(1, 2, 0)
    return painted(picture, mask, colours, 0.4, 1, (BACKGROUND,)).transpose(2, 0, 1).copy()


def painted(picture_HW3: Pixels, mask: Mask, colours: Sequence[Colour], opacity: float, line_width: int,
            skipped: tuple[int, ...] = ()) -> Pixels:
    """Pixels (H, W, 3) of a picture whose classes are coloured, all but the ``skipped`` and what is ignored (255)."""
    table = np.zeros((256, 3), np.float32)
    table[:len(colours)] = colours
    strength = np.zeros(256, np.float32)
    strength[:len(colours)] = opacity
    strength[list(skipped)] = 0
    share_HW1 = strength[mask][..., None]
    if line_width:
        coloured = strength.copy()
        coloured[:len(colours)] = 1
        coloured[list(skipped)] = 0
        share_HW1 = np.maximum(share_HW1, (coloured[mask] * borders(mask, line_width))[..., None])
    mixed = picture_HW3 * (1 - share_HW1) + table[mask] * share_HW1
    return np.rint(mixed).astype(np.uint8)


def borders(mask: Mask, width: int) -> NDArray[np.bool_]:
    """Which pixels (H, W) are within ``width`` rows and columns of another class; the edge of the picture is none."""
    low, high = mask, mask
    for axis in (0, 1):
        near = [_shifted(side, by, axis) for side in (low, high) for by in range(-width, width + 1)]
        low, high = np.minimum.reduce(near[:2 * width + 1]), np.maximum.reduce(near[2 * width + 1:])
    return np.asarray(low != high)


def _shifted(mask: Mask, by: int, axis: int) -> Mask:
    places = np.clip(np.arange(mask.shape[axis]) + by, 0, mask.shape[axis] - 1)
    return np.take(mask, places, axis)


def _colours(classes: Sequence[Json], which: str) -> list[Colour]:
    """A colour for each class number."""
    count = 1 + max((int(row["class"]) for row in classes), default=-1)
    if which == "grey":
        return [(level, level, level) for level in np.linspace(0, 255, max(2, count)).round().astype(int).tolist()]
    found = [safe(number) for number in range(count)]
    if which == "dataset":
        for row in classes:
            if row.get("colour"):
                red, green, blue = row["colour"]
                found[row["class"]] = (int(red), int(green), int(blue))
    return found


def safe(number: int) -> Colour:
    """The colour of a class where the dataset has none; after the first eight the same ones, darker and lighter."""
    red, green, blue = SAFE[number] if number < len(SAFE) else SAFE[1 + (number - 1) % (len(SAFE) - 1)]
    turn = (number - 1) // (len(SAFE) - 1) if number else 0
    if not turn:
        return red, green, blue
    target, share = (255 if turn % 2 else 0), min(0.8, 0.25 + 0.25 * ((turn - 1) // 2))
    return (round(red + (target - red) * share), round(green + (target - green) * share),
            round(blue + (target - blue) * share))


def hexadecimal(colour: Colour) -> str:
    """A colour as #rrggbb."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _small(image: Image.Image) -> Image.Image:
    if max(image.size) > LARGEST:
        image = image.copy()
        image.thumbnail((LARGEST, LARGEST))
    return image


def _small_mask(png: str, size: tuple[int, int]) -> Mask:
    mask = open_label(base64.b64decode(png), "the mask").values.astype(np.uint8)
    if mask.shape == (size[1], size[0]):
        return mask
    return np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))


def _png(pixels: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()
