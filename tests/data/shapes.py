"""Pictures of bright discs and squares on noise with their masks, as arrays and as folders of PNG files."""

from pathlib import Path

import numpy as np
from PIL import Image

LABELS = ["background", "disc", "square"]
COLOURS = [(0, 0, 0), (230, 159, 0), (86, 180, 233)]


def shapes(count: int, size: int = 32, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Pictures uint8 (count, 1, size, size) and masks uint8 (count, size, size): 0 nothing, 1 disc, 2 square."""
    generator = np.random.default_rng(seed)
    pixels = generator.integers(0, 100, (count, 1, size, size), np.uint8)
    masks = np.zeros((count, size, size), np.uint8)
    y, x = np.mgrid[:size, :size]
    for picture, mask in zip(pixels, masks, strict=True):
        for label in (1, 2):
            radius = size * generator.uniform(0.12, 0.22)
            left, top = generator.uniform(radius, size - radius, 2)
            inside = np.hypot(x - left, y - top) if label == 1 else np.maximum(abs(x - left), abs(y - top))
            mask[inside < radius] = label
        picture[0] += np.array([0, 90, 150], np.uint8)[mask]
    return pixels, masks


def palette_image(mask: np.ndarray, colours: list[tuple[int, int, int]] | None = None) -> Image.Image:
    """A mask as a picture with a palette."""
    image = Image.fromarray(mask).convert("P")
    image.putdata(mask.ravel().tolist())
    image.putpalette(np.array(colours or COLOURS, np.uint8).ravel().tolist())
    return image


def shape_folders(top: Path, count: int, size: int = 32, seed: int = 5) -> tuple[Path, Path]:
    """Folders of pictures and of label images with a palette, one PNG file each: 0000.png, 0001.png ..."""
    images, labels = top / "images", top / "labels"
    images.mkdir(parents=True)
    labels.mkdir()
    for number, (picture, mask) in enumerate(zip(*shapes(count, size, seed), strict=True)):
        Image.fromarray(picture[0]).save(images / f"{number:04d}.png")
        palette_image(mask).save(labels / f"{number:04d}.png")
    return images, labels
