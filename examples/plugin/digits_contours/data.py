"""Pictures with a contour each, as a segmentation dataset."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from digits_core.extension import BadData, Entry, Example, SizedOptions, option, placement, prepare


class ContourOptions(SizedOptions):
    """What the form asks."""

    folder: str = option("", title="Pictures with contours", group="Source", kind="folder",
                         help="PNG files; 1.png has its contour in 1.txt, one x y a line.")
    inside: str = option("inside", title="Name of what is inside", group="Classes")


class Contours:
    """The extension that digits.plugins.data names."""

    name, title, task, Options = "contours", "Contours (segmentation)", "segmentation", ContourOptions

    def labels(self, options):
        """Two classes: what is around, and what is inside."""
        return ["outside", options.inside]

    def entries(self, options, split):
        """Every picture that has a contour; validation is split off by DIGITS."""
        folder = Path(options.folder)
        if split != "train":
            return
        if not folder.is_dir():
            raise BadData(f"{options.folder} is not a folder.")
        for path in sorted(folder.glob("*.png")):
            yield Entry(str(path), {"contour": str(path.with_suffix(".txt"))})

    def record(self, options, entry):
        """The picture, and its mask in the same place and size."""
        points = self.points(Path(entry.facts["contour"]))
        with Image.open(entry.name) as file:
            image = file.convert("L" if options.channels == "gray" else "RGB")
        to = placement(image.size, options.width, options.height, options.resize_mode)
        mask = Image.new("L", (options.width, options.height))
        ImageDraw.Draw(mask).polygon([(x * to.scale_x + to.left, y * to.scale_y + to.top) for x, y in points], 1)
        target = np.asarray(mask)
        pixels = prepare(image, options.channels, options.width, options.height, options.resize_mode)
        return Example(pixels, image.size, [], target, tuple(np.bincount(target.ravel(), minlength=2).tolist()))

    def points(self, path):
        """The contour in a text file; BadData names its line."""
        if not path.is_file():
            raise BadData(f"has no contour {path.name}")
        found = []
        for number, line in enumerate(path.read_text().splitlines(), 1):
            try:
                x, y = map(float, line.split())
            except ValueError:
                raise BadData(f"{path.name}, line {number}: two numbers are needed, x and y") from None
            found.append((x, y))
        if len(found) < 3:
            raise BadData(f"{path.name} has {len(found)} points; a contour has three at least")
        return found
