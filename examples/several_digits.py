"""Draws pictures of none to four digits each, and a table of their labels: something to try multi-label tasks with.

``python examples/several_digits.py FOLDER OUT COUNT``: FOLDER holds a folder of 28 x 28 pictures for each digit.
"""

import csv
import sys
from pathlib import Path

import numpy as np
from PIL import Image


def main(source: Path, target: Path, count: int) -> None:
    """Write OUT/*.png (56 x 56) and OUT/table.csv."""
    chance = np.random.default_rng(0)
    digits = {folder.name: sorted(folder.iterdir()) for folder in sorted(source.iterdir()) if folder.is_dir()}
    target.mkdir(parents=True)
    with (target / "table.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["picture", "digits"])
        for number in range(count):
            sheet, labels = Image.new("L", (56, 56)), set()
            for corner in ((0, 0), (28, 0), (0, 28), (28, 28)):
                if chance.random() < 0.5:
                    label = str(chance.choice(list(digits)))
                    labels.add(label)
                    sheet.paste(Image.open(digits[label][chance.integers(len(digits[label]))]), corner)
            sheet.save(target / f"{number:05d}.png")
            table.writerow([f"{number:05d}.png", ";".join(sorted(labels))])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
