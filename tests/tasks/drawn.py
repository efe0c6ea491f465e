"""Small folders of drawn pictures, one way of asking for a dataset for every task."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from digits_core.tasks import tasks

Json = dict[str, Any]
SIDE = 32


def _discs(chance: np.random.Generator) -> tuple[Image.Image, Image.Image, list[float]]:
    """A noisy picture with a bright disc, its mask (0 and 1), and the disc's centre and radius (0..1)."""
    picture = Image.fromarray(chance.integers(20, 90, (SIDE, SIDE), np.uint8))
    mask = Image.new("L", (SIDE, SIDE))
    radius = int(chance.integers(5, 10))
    x, y = (int(value) for value in chance.integers(radius, SIDE - radius, 2))
    box = (x - radius, y - radius, x + radius, y + radius)
    ImageDraw.Draw(picture).ellipse(box, 220)
    ImageDraw.Draw(mask).ellipse(box, 1)
    return picture, mask, [x / SIDE, y / SIDE, radius / SIDE]


def classification(root: Path, count: int) -> Json:
    chance = np.random.default_rng(1)
    for number in range(count):
        picture, _, (_, _, radius) = _discs(chance)
        folder = root / ("large" if radius * SIDE > 7 else "small")
        folder.mkdir(parents=True, exist_ok=True)
        picture.save(folder / f"{number:03d}.png")
    return {"folder": str(root)}


def similarity(root: Path, count: int) -> Json:
    return classification(root, count)


def segmentation(root: Path, count: int) -> Json:
    chance = np.random.default_rng(2)
    for name in ("images", "labels"):
        (root / name).mkdir(parents=True)
    for number in range(count):
        picture, mask, _ = _discs(chance)
        picture.save(root / "images" / f"{number:03d}.png")
        mask.save(root / "labels" / f"{number:03d}.png")
    return {"images": str(root / "images"), "labels": str(root / "labels")}


def regression(root: Path, count: int) -> Json:
    chance = np.random.default_rng(3)
    root.mkdir(parents=True)
    with (root / "table.csv").open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["picture", "x", "y"])
        for number in range(count):
            picture, _, (x, y, _) = _discs(chance)
            picture.save(root / f"{number:03d}.png")
            lines.writerow([f"{number:03d}.png", 100 * x, 5 * y])
    return {"table": str(root / "table.csv")}


def multilabel(root: Path, count: int) -> Json:
    """A disc, a square, a cross, any of them or none, with a table of names."""
    chance = np.random.default_rng(6)
    root.mkdir(parents=True)
    with (root / "table.csv").open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["picture", "labels"])
        for number in range(count):
            image = Image.fromarray(chance.integers(20, 90, (SIDE, SIDE), np.uint8))
            draw, there = ImageDraw.Draw(image), chance.random(3) < 0.5
            if there[0]:
                draw.ellipse((2, 2, 13, 13), 220)
            if there[1]:
                draw.rectangle((18, 3, 28, 13), 220)
            if there[2]:
                draw.line((4, 18, 28, 29), 220, 3)
            image.save(root / f"{number:03d}.png")
            names = [name for name, yes in zip(("disc", "square", "line"), there, strict=True) if yes]
            lines.writerow([f"{number:03d}.png", "; ".join(names)])
    return {"table": str(root / "table.csv")}


def processing(root: Path, count: int) -> Json:
    segmentation(root, count)
    return {"folder": str(root / "images"), "method": "same"}


def detection(root: Path, count: int) -> Json:
    """Two things a picture, discs and squares of several sizes, with labels as YOLO has them."""
    chance = np.random.default_rng(4)
    for name in ("images", "labels"):
        (root / name).mkdir(parents=True)
    for number in range(count):
        picture, lines = Image.fromarray(chance.integers(20, 90, (SIDE, SIDE), np.uint8)), []
        for half in chance.permutation(2):
            side, kind = int(chance.integers(8, 15)), int(chance.integers(2))
            x, y = int(chance.integers(SIDE // 2 - side + 1)), int(chance.integers(SIDE - side + 1))
            x += int(half) * SIDE // 2
            draw = ImageDraw.Draw(picture)
            (draw.ellipse if kind else draw.rectangle)((x, y, x + side - 1, y + side - 1), 220)
            numbers = (x + side / 2, y + side / 2, side, side)
            lines.append(" ".join([str(kind), *(f"{value / SIDE:.6f}" for value in numbers)]))
        picture.save(root / "images" / f"{number:03d}.png")
        (root / "labels" / f"{number:03d}.txt").write_text("\n".join(lines))
    (root / "labels" / "classes.txt").write_text("square\ndisc\n")
    return {"folder": str(root)}


DRAWN: dict[str, Callable[[Path, int], Json]] = {
    "classification": classification, "detection": detection, "segmentation": segmentation, "regression": regression,
    "processing": processing, "similarity": similarity, "multilabel": multilabel, "generation": classification}
"""By task: draw so many pictures below a folder; the source options of a dataset made of them."""

COUNT = {"regression": 300, "detection": 200, "generation": 200}
TRAINING: dict[str, Json] = {
    "classification": {"epochs": 4, "network": "lenet"},
    "detection": {"epochs": 7, "network": "detectnet_small", "learning_rate": 0.002, "lr_policy": "fixed",
                  "mean": "pixel"},
    "segmentation": {"epochs": 3, "network": "unet_narrow", "mean": "pixel"},
    "regression": {"epochs": 12, "network": "lenet", "learning_rate": 0.002, "lr_policy": "cosine"},
    "processing": {"epochs": 7, "network": "unet_narrow", "noise": 0.05, "mean": "pixel"},
    "similarity": {"epochs": 4, "network": "lenet", "dimensions": 8},
    "multilabel": {"epochs": 5, "network": "lenet", "learning_rate": 0.002, "positive_weights": "sqrt"},
    "generation": {"epochs": 4, "network": "dcgan_tiny", "learning_rate": 0.002, "ema": 0.9},
}
FLOOR = {"classification": 0.8, "detection": 0.9, "segmentation": 0.8, "regression": 0.8, "processing": 18.0,
         "similarity": 0.8, "multilabel": 0.9, "generation": 0.45}
"""What each must reach by its own goal."""


OWN = """from digits_core.networks.build import build_network as standard


def build_network(params):
    return standard("{network}", params.input_shape, params.classes)
"""
"""A network of one's own that is the one named."""


def asked(task: str) -> Json:
    """What a training of a task is told, besides what is the same for all."""
    return {**TRAINING[task], **({"task": task} if tasks()[task].datasets else {})}


def picture(seed: int = 9) -> bytes:
    """A PNG with a disc, larger than the dataset's."""
    import io

    made = io.BytesIO()
    _discs(np.random.default_rng(seed))[0].resize((50, 40)).save(made, "PNG")
    return made.getvalue()
