"""A frame of a video with what its model says about it drawn in: by the task's own view, or as words in a corner."""

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from digits_core.views import Bars, Panel, Picture, Table, Text

SMALLEST, LARGEST = 320, 1280
"""Pixels of the longer side: smaller frames grow by whole factors, larger ones shrink."""
LINES = 6
NOTEWORTHY = 0.005
"""Smaller shares are left out, but for the first."""


def annotated(frame: Image.Image, panels: Sequence[Panel]) -> Image.Image:
    """An RGB picture: the first one of the panels; without any the frame with what they say in words."""
    for panel in panels:
        if isinstance(panel, Picture):
            with Image.open(io.BytesIO(panel.png), formats=("PNG",)) as image:
                return _fitting(image.convert("RGB"))
    return with_words(_fitting(frame), _words(panels))


def _fitting(image: Image.Image) -> Image.Image:
    """Of even sides, as films need them."""
    side = max(image.size)
    factor = SMALLEST // side if side <= SMALLEST // 2 else min(1.0, LARGEST / side)
    size = (max(2, round(image.width * factor) // 2 * 2), max(2, round(image.height * factor) // 2 * 2))
    how = Image.Resampling.NEAREST if factor > 1 else Image.Resampling.BILINEAR
    return image if size == image.size else image.resize(size, how)


def _words(panels: Sequence[Panel]) -> list[tuple[str, float | None]]:
    """Lines, with a share (0..1) where they have one."""
    found: list[tuple[str, float | None]] = []
    for panel in panels:
        match panel:
            case Bars(rows):
                found += [(f"{name} {share * 100:.1f} %", share) for place, (name, share) in enumerate(rows)
                          if not place or share >= NOTEWORTHY]
            case Table(_, rows):
                found += [(" ".join(f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row), None)
                          for row in rows]
            case Text(text):
                found += [(line, None) for line in text.splitlines()]
    return found[:LINES]


def with_words(image: Image.Image, lines: Sequence[tuple[str, float | None]]) -> Image.Image:
    """The picture with lines on a dark ground at the top left; a bar behind each shows its share."""
    picture = image.copy()
    size = max(11, min(28, picture.height // 18))
    font, height = ImageFont.load_default(size), round(size * 1.35)
    canvas = ImageDraw.Draw(picture, "RGBA")
    width = max([picture.width // 3, *(round(canvas.textlength(words, font)) + size for words, _ in lines)])
    if lines:
        canvas.rectangle((0, 0, width, height * len(lines) + size // 2), (0, 0, 0, 150))
    for number, (words, share) in enumerate(lines):
        y = height * number + size // 4
        if share is not None:
            canvas.rectangle((0, y, width * min(1.0, max(0.0, share)), y + height - 3), (79, 70, 229, 190))
        canvas.text((size / 2, y), words, "white", font)
    return picture
