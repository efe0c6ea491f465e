"""Pictures with bright rectangles on black, and label files about them in every format."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

NAMES = ["cat", "dog"]
SIZES = [(40, 30), (36, 28), (24, 30), (40, 20)]


class Boxed(NamedTuple):
    """A picture's name, width and height, and rectangles (class, x0, y0, x1, y1)."""

    name: str
    size: tuple[int, int]
    boxes: list[tuple[int, int, int, int, int]]


def boxed(count: int, seed: int = 3) -> list[Boxed]:
    """Each picture holds a cat in its left half and, every second one, a dog in its right half."""
    chance = np.random.default_rng(seed)
    found = []
    for number in range(count):
        width, height = SIZES[number % len(SIZES)]
        boxes = []
        for kind, left in ((0, 0), (1, width // 2))[:1 + number % 2]:
            w, h = (int(side) for side in chance.integers(5, 11, 2))
            x, y = left + int(chance.integers(width // 2 - w)), int(chance.integers(height - h))
            boxes.append((kind, x, y, x + w, y + h))
        found.append(Boxed(f"{number:03d}", (width, height), boxes))
    return found


def pixels(picture: Boxed) -> np.ndarray:
    """uint8 (H, W): cats are 120 bright, dogs 240."""
    found = np.zeros(picture.size[::-1], np.uint8)
    for kind, x0, y0, x1, y1 in picture.boxes:
        found[y0:y1, x0:x1] = 120 * (kind + 1)
    return found


def write(form: str, pictures: list[Boxed], images: Path, labels: Path) -> None:
    """The pictures as PNG files, and their labels; ``labels`` is a folder, for coco the JSON file."""
    images.mkdir(parents=True, exist_ok=True)
    (labels.parent if form == "coco" else labels).mkdir(parents=True, exist_ok=True)
    for picture in pictures:
        Image.fromarray(pixels(picture)).save(images / f"{picture.name}.png")
        if form != "coco":
            ending = "xml" if form == "voc" else "txt"
            (labels / f"{picture.name}.{ending}").write_text({"kitti": kitti, "voc": voc, "yolo": yolo}[form](picture))
    if form == "yolo":
        (labels / "classes.txt").write_text("\n".join(NAMES))
    if form == "coco":
        labels.write_text(coco(pictures))


def kitti(picture: Boxed) -> str:
    return "\n".join(f"{NAMES[kind]} 0.0 0 0 {x0}.0 {y0}.0 {x1}.0 {y1}.0 1 1 1 0 0 0 0"
                     for kind, x0, y0, x1, y1 in picture.boxes)


def voc(picture: Boxed, extra: str = "") -> str:
    things = "".join(f"<object><name>{NAMES[kind]}</name>{extra}<bndbox><xmin>{x0 + 1}</xmin><ymin>{y0 + 1}</ymin>"
                     f"<xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>" for kind, x0, y0, x1, y1 in picture.boxes)
    width, height = picture.size
    return f"<annotation><size><width>{width}</width><height>{height}</height></size>{things}</annotation>"


def yolo(picture: Boxed) -> str:
    width, height = picture.size
    return "\n".join(f"{kind} {(x0 + x1) / 2 / width:.8f} {(y0 + y1) / 2 / height:.8f} {(x1 - x0) / width:.8f} "
                     f"{(y1 - y0) / height:.8f}" for kind, x0, y0, x1, y1 in picture.boxes)


def coco(pictures: list[Boxed]) -> str:
    return json.dumps({
        "images": [{"id": place, "file_name": f"{picture.name}.png"} for place, picture in enumerate(pictures)],
        "categories": [{"id": 10 + kind, "name": name} for kind, name in enumerate(NAMES)],
        "annotations": [{"image_id": place, "category_id": 10 + kind, "bbox": [x0, y0, x1 - x0, y1 - y0]}
                        for place, picture in enumerate(pictures) for kind, x0, y0, x1, y1 in picture.boxes]})
