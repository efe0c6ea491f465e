"""Pictures that look like something, and what can be wrong with a set of them: copies, leaks, two labels."""

from pathlib import Path

import numpy as np
from PIL import Image

from tests.data.pictures import saved


def scene(number: int, size: tuple[int, int] = (48, 40)) -> Image.Image:
    """A soft pattern of colours; another one for every number."""
    colours = np.random.default_rng(number).integers(0, 256, (6, 6, 3), np.uint8)
    return Image.fromarray(colours).resize(size, Image.Resampling.BICUBIC)


def resized(image: Image.Image, number: int) -> Image.Image:
    """The same picture in another size, larger or smaller."""
    scale = (0.6, 0.75, 1.5, 2.0)[number % 4]
    return image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)


def class_folders(top: Path, count: int, exact: int = 0, near: int = 0, conflicts: int = 0) -> Path:
    """``count`` scenes in two classes; ``exact``, ``near`` copies in the same class, ``conflicts`` in the other."""
    for label in ("cat", "dog"):
        (top / label).mkdir(parents=True)

    def put(number: int, name: str, image: Image.Image, other: bool = False) -> None:
        (top / ("cat", "dog")[(number + other) % 2] / f"{name}{number:05d}.png").write_bytes(saved(image))

    for number in range(count):
        put(number, "", scene(number))
    for number in range(exact):
        put(number, "copy", scene(number))
    for number in range(exact, exact + near):
        put(number, "resized", resized(scene(number), number))
    for number in range(exact + near, exact + near + conflicts):
        put(number, "other", scene(number), other=True)
    return top
