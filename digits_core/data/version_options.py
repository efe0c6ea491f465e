"""What can be told about a version that adds pictures to a dataset, and about one that holds a part of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from digits_core import safe
from digits_core.data.s3_options import S3Options
from digits_core.errors import DigitsError, Problem
from digits_core.options import Options, option
from digits_core.safe.places import is_s3

UPLOADED = "job:"
"""An archive that begins so lies in the job's own folder."""


class Addition(S3Options):
    """Pictures that are put into a dataset: they become records exactly as its own did."""

    folder: str = option("", title="Folder with the new pictures", group="Source", kind="folder",
                         help="A server folder with one folder per class, or s3://bucket/path.")
    archive: str = option("", title="Archive", group="Source", kind="path",
                          help="A zip or tar file of class folders instead.")
    split: Literal["same", "train", "val", "test"] = option(
        "same", title="Where to", group="Split",
        labels={"same": "Divided like the dataset is", "train": "Training", "val": "Validation", "test": "Test"})
    duplicates: Literal["leave-out", "keep"] = option(
        "leave-out", title="Pictures that are there already", group="Split",
        labels={"leave-out": "Leave out", "keep": "Add again"},
        help="The same pixels after resizing, in whatever split. They are counted and listed either way.")
    new_classes: bool = option(False, title="Add new classes", group="Split",
                               help="Folders with other names become new classes; off: their pictures are left out.")
    seed: int = option(0, title="Seed", group="Split", ge=0, le=2**31 - 1, advanced=True)

    def problems(self, roots: Sequence[Path] = ()) -> list[Problem]:
        """Neither or both sources, or one that is not there."""
        given = [name for name in ("folder", "archive") if getattr(self, name).strip()]
        if len(given) != 1:
            return [Problem("folder", "Give a folder or an archive." if not given else "Give only one of both.")]
        text = getattr(self, given[0])
        if is_s3(text):
            return [*super().problems(roots), *self.place_problems(given[0])]
        if text.startswith(UPLOADED):
            return []
        try:
            path = safe.safe_path(text, roots)
        except DigitsError as error:
            return [Problem(given[0], str(error))]
        kind = "folder" if given == ["folder"] else "file"
        is_it = path.is_dir() if kind == "folder" else path.is_file()
        return [] if is_it else [Problem(given[0], f"{text!r} is not a {kind}.")]


class Selection(Options):
    """A part of a dataset. What is not named does not choose: all splits, all classes, every path."""

    splits: list[Literal["train", "val", "test"]] = option(["train", "val", "test"], title="Splits", group="Which")
    classes: list[str] = option([], title="Classes", group="Which",
                                help="Names, or numbers from 0. Others leave the list of classes too.")
    search: str = option("", title="Path contains", group="Which")
    take: Literal["all", "first", "random"] = option(
        "all", title="Of these", group="How many",
        labels={"all": "All", "first": "The first of each split", "random": "Random ones of each class"})
    count: int = option(100, title="How many", group="How many", ge=1, le=10**9, when={"take": ["first", "random"]},
                        help="Of each split; random ones of each class in each split.")
    seed: int = option(0, title="Seed", group="How many", ge=0, le=2**31 - 1, when={"take": ["random"]},
                       help="The same seed chooses the same pictures.")

    def problems(self, roots: Sequence[Path] = ()) -> list[Problem]:
        """A selection that nothing could be trained on, or that selects everything."""
        found = []
        if "train" not in self.splits:
            found.append(Problem("splits", "A subset needs pictures to train on: choose train too."))
        if len(self.classes) == 1:
            found.append(Problem("classes", "At least two classes are needed to train on."))
        if set(self.splits) == {"train", "val", "test"} and not self.classes and not self.search.strip() \
                and self.take == "all":
            found.append(Problem("", "This is the whole dataset: choose splits, classes, a part of the path or a "
                                     "number."))
        return found
