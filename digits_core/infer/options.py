"""What a batch classification can be told, described once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from digits_core import safe
from digits_core.errors import DigitsError, Problem
from digits_core.options import Options, option

Method = Literal["folder", "text", "upload", "dataset"]
Split = Literal["train", "val", "test"]
METHODS = ("grad-cam", "integrated-gradients", "occlusion")
"""Ways to show where in a picture the evidence for a label is."""
COLORMAPS = ("jet", "white", "simple", "hot", "rainbow", "winter")
UPLOADED_LIST = "job:list.txt"
"""Stands for a text list that was uploaded and lies in the job folder."""


class BatchOptions(Options):
    """Which pictures, which checkpoint, and how many labels to note for each."""

    method: Method = option(
        "folder", title="Which pictures?", group="Pictures",
        labels={"folder": "A folder on the server", "text": "A text list", "upload": "Upload",
                "dataset": "A dataset"})
    folder: str = option("", title="Picture folder", group="Pictures", kind="folder", when={"method": ["folder"]},
                         help="Every picture below it. Folders named like the model's classes give the true labels.")
    image_list: str = option("", title="Image list", group="Pictures", kind="path", when={"method": ["text"]},
                             help="A text file: one path or URL a line; a label may follow (its number from 0, or its "
                                  "name), after a tab or a blank.")
    image_folder: str = option("", title="Image folder", group="Pictures", kind="folder", when={"method": ["text"]},
                               help="Relative paths in the list start here; empty: beside the list.")
    dataset: str = option("", title="Dataset", group="Pictures", kind="job", when={"method": ["dataset"]},
                          help="A finished dataset with the model's labels: every picture of one split is tested.")
    split: Split = option("val", title="Split", group="Pictures", when={"method": ["dataset"]},
                          labels={"val": "Validation", "test": "Test", "train": "Training"})
    limit: int | None = option(None, title="Number of pictures", group="Pictures", ge=1, le=10**9,
                               help="Only the first so many; empty: all.")
    checkpoint: str = option("best", title="Checkpoint", group="Model", help="best, last, or an epoch such as 12.")
    embeddings: bool = option(False, title="Keep features and make a map", group="Model",
                              help="What the network sees in each picture before its last layer: for a map of alike "
                                   "pictures, and to find the ones most like one.")
    top: int = option(5, title="Labels to note", group="Model", ge=1, le=1000, advanced=True,
                      help="So many of the most probable labels are kept for each picture.")

    def problems(self, roots: Sequence[Path] = ()) -> list[Problem]:
        """A path that is needed and missing, forbidden, or of the wrong sort."""
        required = {"folder": "folder", "text": "image_list"}.get(self.method, "")
        found = []
        if self.method == "dataset" and not self.dataset.strip():
            found.append(Problem("dataset", "This field is required."))
        for name in {"folder": ("folder",), "text": ("image_list", "image_folder")}.get(self.method, ()):
            text = getattr(self, name).strip()
            problem = _path_problem(name, text, roots) if text and text != UPLOADED_LIST else None
            if not text and name == required:
                problem = Problem(name, "This field is required.")
            if problem:
                found.append(problem)
        return found


def _path_problem(name: str, text: str, roots: Sequence[Path]) -> Problem | None:
    try:
        path = safe.safe_path(text, roots)
    except DigitsError as error:
        return Problem(name, str(error))
    folder = "folder" in name
    if path.is_dir() if folder else path.is_file():
        return None
    return Problem(name, f"{text!r} is not a {'folder' if folder else 'file'}.")
