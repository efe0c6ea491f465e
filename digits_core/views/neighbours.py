"""A picture beside the training pictures that a network finds most like it."""

import base64
import io
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from digits_core.options import Options, option
from digits_core.views import Bars, Panel, Picture, Table, Text

TITLE = "Nearest pictures"
Json = dict[str, Any]
CELL, WORDS, GAP = 120, 34, 8
NO_GALLERY = ("This checkpoint has no gallery: which training pictures are near is known of the best checkpoint, "
              "as soon as its training has ended.")


class ViewOptions(Options):
    """How neighbours are shown."""

    columns: int = option(3, title="Columns", group="View", ge=1, le=20, help="Pictures side by side.")


FIGURES = "Probability"


def figures(answer: Json, options: ViewOptions) -> dict[str, float]:
    """The share of each label among the neighbours."""
    return {row["label"]: row["probability"] for row in answer["predictions"]}


def panels(image: Image.Image, answer: Json, options: ViewOptions) -> list[Panel]:
    """The picture and its neighbours on one sheet, the labels of the nearest five, and all distances."""
    if not answer["neighbours"]:
        return [Text(NO_GALLERY)]
    cells = [(image, "asked about", ""), *(
        (Image.open(io.BytesIO(base64.b64decode(row["picture"]))).convert("RGB"), row["label"],
         f"{row['distance']:.3f}") for row in answer["neighbours"])]
    words = f"Below a distance of {answer['threshold']:.3f} two pictures are taken to be of the same class."
    return [Picture(_sheet(cells, options.columns), words),
            Bars([(row["label"], row["probability"]) for row in answer["predictions"] if row["probability"] > 0]),
            Table(("Nearest training pictures", "Distance"), [(row["label"], row["distance"])
                                                              for row in answer["neighbours"]])]


def _sheet(cells: list[tuple[Image.Image, str, str]], columns: int) -> bytes:
    columns = min(columns, len(cells))
    rows = -(-len(cells) // columns)
    sheet = Image.new("RGB", (columns * (CELL + GAP) - GAP, rows * (CELL + WORDS + GAP) - GAP), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for number, (image, label, distance) in enumerate(cells):
        x, y = number % columns * (CELL + GAP), number // columns * (CELL + WORDS + GAP)
        factor = CELL / max(image.size)
        size = max(1, round(image.width * factor)), max(1, round(image.height * factor))
        sheet.paste(image.resize(size, Image.Resampling.NEAREST if factor > 2 else Image.Resampling.BILINEAR),
                    (x + (CELL - size[0]) // 2, y + (CELL - size[1]) // 2))
        draw.text((x + 2, y + CELL + 2), label[:18], "#1f2937", font)
        draw.text((x + 2, y + CELL + 16), distance, "#6b7280", font)
        if not number:
            draw.rectangle((x, y, x + CELL - 1, y + CELL - 1), outline="#e8710a", width=2)
    png = io.BytesIO()
    sheet.save(png, "PNG")
    return png.getvalue()
