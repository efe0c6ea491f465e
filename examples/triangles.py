"""Draws outlines of triangles, and the same triangles filled: pairs for image processing, as in DIGITS' example.

``python examples/triangles.py OUT COUNT``: OUT/input and OUT/target get COUNT pictures of 32 x 32, and OUT/grid.png and
OUT/grid-filled.png 10 x 10 more on one sheet.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SIDE = 32


def pair(chance: np.random.Generator, side: int = SIDE) -> tuple[Image.Image, Image.Image]:
    """An outline and the filled triangle, black on white."""
    outline, filled = Image.new("L", (side, side), 255), Image.new("L", (side, side), 255)
    corners = [tuple(point) for point in chance.uniform(0, side, (3, 2)).tolist()]
    ImageDraw.Draw(outline).polygon(corners, outline=0)
    ImageDraw.Draw(filled).polygon(corners, outline=0, fill=0)
    return outline, filled


def main(target: Path, count: int) -> None:
    """Write pairs and the two sheets."""
    chance = np.random.default_rng(0)
    for name in ("input", "target"):
        (target / name).mkdir(parents=True)
    for number in range(count):
        for name, picture in zip(("input", "target"), pair(chance), strict=True):
            picture.save(target / name / f"{number:05d}.png")
    sheets = [Image.new("L", (10 * SIDE, 10 * SIDE)) for _ in range(2)]
    for place in range(100):
        for sheet, picture in zip(sheets, pair(chance), strict=True):
            sheet.paste(picture, (place % 10 * SIDE, place // 10 * SIDE))
    for name, sheet in zip(("grid.png", "grid-filled.png"), sheets, strict=True):
        sheet.save(target / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
