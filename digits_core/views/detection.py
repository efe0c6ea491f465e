"""Boxes over their pictures: drawn from a score on, without those that say the same again, and a table of all."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFont

from digits_core.data import planes
from digits_core.options import Options, option
from digits_core.views import Panel, Picture, Table, Text

TITLE = "Boxes"
Json = dict[str, Any]
Pixels = NDArray[np.uint8]
COLORS = ("#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#42d4f4", "#f032e6", "#9a6324", "#808000", "#469990",
          "#000075", "#800000")
"""Of the classes in their order, and again from the start."""
GREY = "#9aa3b2"
"""Of boxes that are ignored."""
LARGEST, SMALLEST = 1600, 320
"""Pixels of the longer side that is drawn: larger pictures shrink, smaller ones grow by whole factors."""


class ViewOptions(Options):
    """How boxes are shown."""

    threshold: float = option(0.5, title="Score from", group="View", ge=0, le=1,
                              help="Boxes of lower scores are not drawn.")
    overlap: float = option(0.5, title="Overlap allowed", group="View", ge=0, le=1,
                            help="Of two boxes of a class that overlap more than this (intersection over union), only "
                                 "the one with the higher score is drawn; 1: all.")
    line_width: int = option(2, title="Line width", group="View", ge=1, le=6)
    opacity: float = option(0.0, title="Opacity", group="View", ge=0, le=1, help="Of the colour inside a box.")
    desaturation: float = option(0.0, title="Desaturation", group="View", ge=0, le=1,
                                 help="How grey the picture becomes, so that the boxes stand out.")
    names: bool = option(True, title="Names and scores", group="View")


FIGURES = "Boxes"


def figures(answer: Json, options: ViewOptions) -> dict[str, float]:
    """How many boxes of each class are drawn."""
    shown = [row["label"] for row in chosen(answer["boxes"], options.threshold, options.overlap)]
    return {label: float(shown.count(label)) for label in answer.get("labels") or dict.fromkeys(shown)}


def panels(image: Image.Image, answer: Json, options: ViewOptions) -> list[Panel]:
    """The picture with its boxes, how many there are, and every box as numbers.

    ``answer`` is what digits_core.infer.answers.Boxes gives: {"boxes": [{"label", "score", "box"}], ...}.
    """
    boxes = answer["boxes"]
    labels = list(answer.get("labels") or dict.fromkeys(row["label"] for row in boxes))
    shown = chosen(boxes, options.threshold, options.overlap)
    rows = [(row["box"], COLORS[labels.index(row["label"]) % len(COLORS)],
             f"{row['label']} {row['score']:.2f}" if options.names else "") for row in shown]
    picture = painted(_greyer(image.convert("RGB"), options.desaturation), rows, options.line_width, options.opacity)
    counts = {label: sum(row["label"] == label for row in shown) for label in labels}
    words = ", ".join(f"{label} {count}" for label, count in counts.items() if count)
    columns = ("Class", "Score", "Left", "Top", "Right", "Bottom", "Drawn")
    table = [(row["label"], round(row["score"], 4), *(round(edge, 1) for edge in row["box"]), row in shown)
             for row in boxes]
    return [Picture(_png(picture), f"{len(shown)} of {len(boxes)} boxes"),
            Text(f"Found {words}." if words else "No box has so high a score."), Table(columns, table)]


def chosen(boxes: Sequence[Json], threshold: float, overlap: float) -> list[Json]:
    """The boxes to draw, the highest score first: at least ``threshold``, and of each class none over another."""
    kept: list[Json] = []
    for row in sorted((row for row in boxes if row["score"] >= threshold), key=lambda row: -row["score"]):
        if not any(other["label"] == row["label"] and intersection_over_union(other["box"], row["box"]) > overlap
                   for other in kept):
            kept.append(row)
    return kept


def intersection_over_union(one: Sequence[float], other: Sequence[float]) -> float:
    """Of two boxes (x0, y0, x1, y1): what they share, over what both cover; 0..1.

    >>> round(intersection_over_union([0, 0, 2, 2], [1, 0, 3, 2]), 3)
    0.333
    """
    width, height = (min(one[at + 2], other[at + 2]) - max(one[at], other[at]) for at in (0, 1))
    shared = max(0.0, width) * max(0.0, height)
    both = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)) - shared
    return shared / both if both > 0 else 0.0


def drawn(pixels: Pixels, target: NDArray[Any], facts: Json) -> Pixels:
    """Pixels (3, H, W) of a dataset's picture (1 or 3, H, W) with its boxes (M, 6); ignored ones are grey."""
    picture = Image.fromarray(np.broadcast_to(planes.shown(pixels), (3, *pixels.shape[1:])).transpose(1, 2, 0).copy())
    labels = facts.get("labels", ())
    large = min(picture.size) >= SMALLEST
    rows = []
    for kind, *edges, ignored in target.tolist():
        if kind >= 0 or ignored > 0:
            color = GREY if ignored > 0 else COLORS[int(kind) % len(COLORS)]
            rows.append((edges, color, str(labels[int(kind)]) if large and 0 <= kind < len(labels) else ""))
    width = max(1, round(max(picture.size) / 500))
    return np.asarray(painted(picture, rows, width, 0.0, grow=False)).transpose(2, 0, 1).copy()


def content(facts: Json) -> list[Panel]:
    """What became of every box of a dataset's label files, and how large those to learn from are."""
    details = facts.get("details", {})
    columns = ("Class", "Split", "Boxes kept", "Cut at an edge", "Ignored", "Dropped")
    rows = [(row["label"], row["split"], row["kept"], row["cut"], _reasons(row["ignored"]), _reasons(row["dropped"]))
            for row in details.get("boxes", ())]
    sides = [(row["label"], *row["width"], *row["height"]) for row in details.get("spans", ())]
    titles = tuple(f"{side}, {share}" for side in ("Width", "Height") for share in ("5 %", "median", "95 %"))
    return [Table(columns, rows), Table(("Class in training", *titles), sides)] if rows else []


def _reasons(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in counts.items())


def painted(image: Image.Image, rows: Sequence[tuple[Sequence[float], str, str]], line_width: int, opacity: float,
            grow: bool = True) -> Image.Image:
    """A copy of a colour picture with boxes: edges in its pixels, #rrggbb, and words above; small pictures grow."""
    factor = float(max(1, SMALLEST // max(image.size)) if grow else 1)
    factor = min(factor, LARGEST / max(image.size)) if max(image.size) > LARGEST else factor
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    picture = image.copy() if size == image.size else image.resize(size, Image.Resampling.NEAREST if factor > 1
                                                                   else Image.Resampling.BILINEAR)
    canvas = ImageDraw.Draw(picture, "RGBA")
    for edges, color, words in rows:
        left, top, right, bottom = (edge * factor for edge in edges)
        # The last pixel inside, as edges lie between pixels
        box = (left, top, max(left, right - 1), max(top, bottom - 1))
        red, green, blue = ImageColor.getrgb(color)[:3]
        canvas.rectangle(box, (red, green, blue, round(255 * opacity)) if opacity else None, color, line_width)
        if words:
            _write(canvas, (left, top), words, color, max(picture.size))
    return picture


def _write(canvas: ImageDraw.ImageDraw, place: tuple[float, float], words: str, color: str, side: int) -> None:
    font = ImageFont.load_default(max(10, min(18, side // 50)))
    left, top, right, bottom = canvas.textbbox((0, 0), words, font)
    height = bottom - top + 4
    x, y = place[0], place[1] - height if place[1] >= height else place[1]
    canvas.rectangle((x, y, x + right - left + 4, y + height), color)
    canvas.text((x + 2 - left, y + 2 - top), words, "white", font)


def _greyer(image: Image.Image, share: float) -> Image.Image:
    return Image.blend(image, image.convert("L").convert("RGB"), share) if share else image


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()
