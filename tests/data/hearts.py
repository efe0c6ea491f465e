"""Drawn heart pictures as DICOM files with contours beside, in Sunnybrook's folders or plainly side by side."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tests.test_safe_planes import dicom

SIDE = 32


def heart(series: int, number: int, side: int = SIDE) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A picture of 12 bits with a bright chamber, the chamber's mask (0 and 1), and points around it (n, 2: x, y)."""
    chance = np.random.default_rng([series, number])
    wide, high = chance.uniform(0.15, 0.25, 2) * side
    x, y = chance.uniform(0.35, 0.65, 2) * side
    down, across = np.mgrid[:side, :side]
    mask = ((across - x) / wide) ** 2 + ((down - y) / high) ** 2 <= 1
    values = chance.integers(300, 900, (side, side)) + mask * 700
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    return values.astype(np.uint16), mask.astype(np.uint8), np.stack(
        [x + wide * np.cos(angle), y + high * np.sin(angle)], 1)


def hearts(top: Path, cases: Mapping[str, int], count: int, with_contours: bool = True, plain: bool = False) -> None:
    """``top``/dicom and ``top``/contours: so many pictures of each case and its series, and one without a contour."""
    for case, series in cases.items():
        pictures = top / "dicom" / case
        lines = top / "contours" / (case if plain else f"{case}/contours-manual/IRCCI-expert")
        for folder in (pictures, lines):
            folder.mkdir(parents=True, exist_ok=True)
        for number in range(1, count + 1):
            values, _, points = heart(series, number)
            (pictures / f"IM-{series:04d}-{number:04d}.dcm").write_bytes(dicom(values))
            if with_contours:
                name = f"IM-{series:04d}-{number:04d}.txt" if plain else f"IM-0001-{number:04d}-icontour-manual.txt"
                (lines / name).write_text("".join(f"{x:.2f} {y:.2f}\n" for x, y in points))
        if with_contours:
            (pictures / f"IM-{series:04d}-0009.dcm").write_bytes(dicom(heart(series, 9)[0]))
