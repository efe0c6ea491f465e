"""Made-up photographs of the back of the eye, some with lesions, for the tutorial on diabetic retinopathy."""

from pathlib import Path

import numpy as np
from PIL import Image

SIDE = 32
Turn = Image.Transpose
TURNED = (None, Turn.ROTATE_90, Turn.FLIP_LEFT_RIGHT, Turn.TRANSPOSE)
"""Offline augmentation: each photograph is written four times."""


def eye(chance: np.random.Generator, sick: bool) -> Image.Image:
    """A round orange ground with vessels; the sick have bright lesions."""
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    radius = np.hypot(x, y)
    shade = (1 - 0.4 * (radius / (SIDE / 2)) ** 2) * chance.uniform(0.8, 1)
    pixels = np.stack([190 * shade, 90 * shade, 40 * shade], -1)
    for _ in range(5):
        turn = chance.uniform(0, np.pi)
        pixels[np.abs(x * np.cos(turn) + y * np.sin(turn) + 4 * np.sin(x / 9)) < 0.8] *= 0.6
    for _ in range(int(chance.integers(5, 9)) if sick else 0):
        across, down = chance.uniform(-SIDE / 3.2, SIDE / 3.2, 2)
        pixels[np.hypot(x - across, y - down) < chance.uniform(1.5, 3)] = (250, 230, 120)
    pixels[radius > SIDE / 2 - 1] = 0
    return Image.fromarray((pixels + chance.normal(0, 6, pixels.shape)).clip(0, 255).astype(np.uint8))


def write(folder: Path, train: int, val: int) -> None:
    """train.txt (each photograph turned four ways), val.txt and labels.txt; 6 of 23 photographs are of the sick."""
    folder.mkdir()
    chance = np.random.default_rng(0)
    for split, count, turns in (("train", train, TURNED), ("val", val, TURNED[:1])):
        lines = []
        for number in range(count):
            sick = number % 23 < 6
            photograph = eye(chance, sick)
            for turn in turns:
                name = f"{split}-{len(lines):04d}.png"
                (photograph.transpose(turn) if turn is not None else photograph).save(folder / name)
                lines.append(f"{name} {int(sick)}\n")
        (folder / f"{split}.txt").write_text("".join(lines))
    (folder / "labels.txt").write_text("healthy\nretinopathy\n")
