"""What a batch classification, and the search for what excites a unit, can be told; described once."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from digits_core import safe
from digits_core.data.s3_options import S3Access
from digits_core.errors import DigitsError, Problem
from digits_core.options import JobOptions, option
from digits_core.safe.places import is_s3

Method = Literal["folder", "text", "upload", "dataset", "watch", "texts"]
LISTED: list[str] = ["folder", "text", "upload", "dataset", "texts"]
"""Methods whose entries are known at the start."""
Split = Literal["train", "val", "test"]
METHODS = ("grad-cam", "integrated-gradients", "occlusion")
"""Ways to show where in a picture the evidence for a label is."""
COLORMAPS = ("jet", "white", "simple", "hot", "rainbow", "winter")
WATCH = "watch"
MAXIMA = "max-activations"
"""The ``method`` of jobs of kind inference that make pictures for units, instead of classifying any."""
VIDEO = "video"
"""The ``method`` of jobs of kind inference that ask about the frames of a video."""
UPLOADED_VIDEO = "job:upload"
"""Stands for a video that was uploaded and lies in the job folder."""
OUTPUT = "output"
"""Stands for the network's output as a layer: a unit is a class."""
UPLOADED_LIST = "job:list.txt"
"""Stands for a text list that was uploaded and lies in the job folder."""


class BatchOptions(S3Access, JobOptions):
    """Which pictures, which checkpoint, and how many labels to note for each."""

    method: Method = option(
        "folder", title="Which pictures?", group="Pictures",
        labels={"folder": "A folder on the server", "text": "A text list", "upload": "Upload",
                "dataset": "A dataset", "watch": "A folder on the server, as pictures arrive",
                "texts": "A table of texts"})
    folder: str = option("", title="Picture folder", group="Pictures", kind="folder",
                         when={"method": ["folder", "watch"]},
                         help="Every picture below it; may be s3://bucket/path. Folders named like the model's classes "
                              "give the true labels.")
    existing: bool = option(True, title="Those that are there already, too", group="Pictures",
                            when={"method": ["watch"]},
                            help="Off: only pictures that arrive after the start. The job goes on until it is stopped.")
    image_list: str = option("", title="Image list", group="Pictures", kind="path", when={"method": ["text"]},
                             help="A text file: one path or URL a line; a label may follow (its number from 0, or its "
                                  "name), after a tab or a blank.")
    image_folder: str = option("", title="Image folder", group="Pictures", kind="folder", when={"method": ["text"]},
                               help="Relative paths in the list start here; empty: beside the list.")
    dataset: str = option("", title="Dataset", group="Pictures", kind="job", when={"method": ["dataset"]},
                          help="A finished dataset with the model's labels: every picture of one split is "
                               "tested and the answers are measured, as at the end of a training.")
    split: Split = option("val", title="Split", group="Pictures", when={"method": ["dataset"]},
                          labels={"val": "Validation", "test": "Test", "train": "Training"})
    table: str = option("", title="Table of texts", group="Pictures", kind="path", when={"method": ["texts"]},
                        help="A CSV file with a text and its true class on each line, as for a dataset of texts.")
    label_column: int = option(1, title="Column with the class", group="Pictures", ge=1, le=1000,
                               when={"method": ["texts"]}, advanced=True)
    limit: int | None = option(None, title="Number of pictures", group="Pictures", ge=1, le=10**9,
                               help="Only the first so many; empty: all.")
    checkpoint: str = option("best", title="Checkpoint", group="Model", help="best, last, or an epoch such as 12.")
    embeddings: bool = option(False, title="Keep features and make a map", group="Model", when={"method": LISTED},
                              help="What the network sees in each picture before its last layer: for a map of alike "
                                   "pictures, and to find the ones most like one.")
    whole: bool = option(False, title="Do not resize", group="Model",
                         help="Pictures keep their own size: for segmentation, detection and image processing without "
                              "a mean image.")
    top: int = option(5, title="Labels to note", group="Model", ge=1, le=1000, advanced=True,
                      help="So many of the most probable labels are kept for each picture.")

    def problems(self, roots: Sequence[Path] = ()) -> list[Problem]:
        """A path that is needed and missing, forbidden, or of the wrong sort."""
        required = {"folder": "folder", "watch": "folder", "text": "image_list", "texts": "table"}.get(self.method, "")
        found = super().problems(roots)
        if far := self.method == "folder" and is_s3(self.folder):
            found += self.place_problems("folder")
        if self.whole and self.embeddings:
            found.append(Problem("whole", "Features are kept of pictures of one size only."))
        if self.method == "dataset" and not self.dataset.strip():
            found.append(Problem("dataset", "This field is required."))
        if self.method == WATCH and self.embeddings:
            found.append(Problem("embeddings", "A folder that is watched has no map: its pictures never end."))
        used = {"text": ("image_list", "image_folder"), "folder": ("folder",), "watch": ("folder",),
                "texts": ("table",)}
        for name in used.get(self.method, ()):
            text = getattr(self, name).strip()
            problem = _path_problem(name, text, roots) if text and text != UPLOADED_LIST and not far else None
            if not text and name == required:
                problem = Problem(name, "This field is required.")
            if problem:
                found.append(problem)
        return found


class VideoOptions(JobOptions):
    """Which video, which of its frames, and how much to note of each."""

    video: str = option("", title="Video", group="Video", kind="path",
                        help="On the server, or its http(s) address; mp4, mov, mkv, webm, avi and others.")
    step: int = option(1, title="Every n-th frame", group="Video", ge=1, le=10**6,
                       help="1: every frame. The annotated video has only the frames that were asked about, and the "
                            "same length.")
    limit: int | None = option(None, title="Number of frames", group="Video", ge=1, le=10**8,
                               help="Only the first so many; empty: all.")
    checkpoint: str = option("best", title="Checkpoint", group="Model", help="best, last, or an epoch such as 12.")
    top: int = option(5, title="Labels to note", group="Model", ge=1, le=1000, advanced=True,
                      help="So many of the most probable labels are kept for each frame.")

    def problems(self, roots: Sequence[Path] = ()) -> list[Problem]:
        """No video, or one that is missing or forbidden."""
        text = self.video.strip()
        if not text:
            return [Problem("video", "Upload a video, or give its path or address.")]
        problem = None if text == UPLOADED_VIDEO or safe.is_url(text) else _path_problem("video", text, roots)
        return [problem] if problem else []


class AscentOptions(JobOptions):
    """For which units a picture is made that excites them most, and how."""

    layer: str = option(OUTPUT, title="Layer", help="A convolution or dense layer by its name; output: the classes.")
    units: str = option("0-15", title="Units", help="Such as 0-15 or 3,7,20-25, counted from 0; empty: all.")
    checkpoint: str = option("best", title="Checkpoint", help="best, last, or an epoch such as 12.")
    aim: Literal["middle", "mean"] = option(
        "middle", title="Of a convolution", labels={"middle": "One neuron in the middle", "mean": "The whole map"},
        help="What is made large where a unit has a value for every place.")
    steps: int = option(256, title="Steps", ge=1, le=10_000, advanced=True, help="Steps of gradient ascent.")
    rate: float = option(4.0, title="Step size", gt=0, le=255, advanced=True, help="Of Adam, in grey values 0 to 255.")
    jitter: float = option(6.0, title="Jitter", ge=0, le=50, advanced=True,
                           help="The picture is moved at random before each step by up to so many percent of its side.")
    blur: float = option(0.7, title="Blur", ge=0, le=10, advanced=True,
                         help="Every fourth step of the first three quarters blurs the picture by so many pixels.")
    decay: float = option(0.02, title="Decay", ge=0, le=1, advanced=True,
                          help="Each step takes the picture back by this share of its distance to the mean picture.")
    seed: int = option(0, title="Seed", ge=0, le=2**31, advanced=True, help="Another seed, another picture.")

    def problems(self, roots: Sequence[Path] = ()) -> list[Problem]:
        """Units that are no list of numbers."""
        try:
            chosen_units(self.units, LARGEST_UNIT + 1)
        except ValueError as error:
            return [Problem("units", str(error))]
        return []


LARGEST_UNIT = 999_999


def chosen_units(text: str, count: int) -> list[int]:
    """The units that ``text`` names, each once, in its order; empty: all ``count``. A range may reach beyond the last.

    Raises ValueError in words.
    """
    found: dict[int, None] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        ends = re.fullmatch(r"([0-9]{1,6})(?:\s*-\s*([0-9]{1,6}))?", part)
        if ends is None:
            raise ValueError(f"{part[:40]!r} is no unit and no range such as 0-15.")
        first, last = int(ends[1]), int(ends[2] or ends[1])
        if last < first or first >= count:
            raise ValueError(f"{part} is not within 0 to {count - 1}." if last >= first else f"{part} is empty.")
        found.update(dict.fromkeys(range(first, min(last + 1, count))))
    return list(found) or list(range(count))


def _path_problem(name: str, text: str, roots: Sequence[Path]) -> Problem | None:
    try:
        path = safe.safe_path(text, roots)
    except DigitsError as error:
        return Problem(name, str(error))
    folder = "folder" in name
    if path.is_dir() if folder else path.is_file():
        return None
    return Problem(name, f"{text!r} is not a {'folder' if folder else 'file'}.")
