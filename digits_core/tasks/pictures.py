"""What a dataset of pictures can be told, whatever its task: how they look, how they are stored and divided."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from digits_core import safe
from digits_core.data.s3_options import S3Options
from digits_core.errors import DigitsError, Problem
from digits_core.options import JobOptions, Options, option
from digits_core.safe.places import is_s3, s3_place

HDF5, HDF5_LIST = (".h5", ".hdf5", ".hdf"), "list.txt"
"""Endings of HDF5 files, and the name of the file that lists some of them."""


class PictureOptions(S3Options, JobOptions):
    """Options of every dataset; its task adds where the pictures are."""

    channels: Literal["color", "gray", "all"] = option(
        "color", title="Image type", group="Pictures",
        labels={"color": "Colour", "gray": "Grey", "all": "All channels, full depth"},
        help="Full depth: 16 bits and decimals of TIFF, PNG, DICOM and NumPy files are kept, up to 64 channels.")
    resize_mode: Literal["squash", "crop", "fill", "half"] = option(
        "squash", title="Resize mode", group="Pictures",
        labels={"squash": "Squash", "crop": "Crop", "fill": "Fill", "half": "Half crop, half fill"},
        help="Squash ignores proportions; crop cuts the longer side; fill pads the shorter one with noise.")
    encoding: Literal["png", "jpeg", "none"] = option(
        "png", title="Encoding", group="Storage",
        labels={"png": "PNG (lossless)", "jpeg": "JPEG (lossy, small)", "none": "None (fast, large)"})
    jpeg_quality: int = option(90, title="JPEG quality", group="Storage", ge=1, le=100, when={"encoding": ["jpeg"]})
    val_percent: float = option(25, title="% for validation", group="Split", ge=0, le=99)
    test_percent: float = option(0, title="% for testing", group="Split", ge=0, le=99)
    keep_together: Literal["video", "folder"] = option(
        "video", title="Keep together", group="Split", advanced=True,
        labels={"video": "Frames of a video", "folder": "Pictures of a folder"},
        help="Never in two splits: pictures that are nearly the same would make every figure too good. Folder: those "
             "inside the class folders, such as one for each patient.")
    seed: int = option(0, title="Shuffle seed", group="Split", ge=0, le=2**31 - 1, advanced=True,
                       help="The same seed gives the same split.")
    bad_percent: float = option(5, title="% of unreadable pictures allowed", group="Split", ge=0, le=100,
                                advanced=True, help="Above this share the build stops with the list of them.")

    def problems(self, roots: Sequence[Path] = ()) -> list[Problem]:
        """A split of more than 100 percent."""
        found = super().problems(roots)
        if self.val_percent + self.test_percent >= 100:
            found.append(Problem("val_percent", "Validation and test together must leave pictures to train on."))
        return found


class ClassedOptions(Options):
    """Of datasets whose entries have a class each."""

    min_per_class: int = option(2, title="Minimum per class", group="Source", ge=1, le=10**9, advanced=True,
                                help="Classes with fewer are left out.")
    max_per_class: int | None = option(None, title="Maximum per class", group="Source", ge=1, le=10**9,
                                       advanced=True, help="A random choice of so many; empty: all.")
    stratified: bool = option(True, title="Same share of every class", group="Split", advanced=True,
                              help="Split each class by itself (stratified), so that none is missing anywhere.")

    def problems(self, roots: Sequence[Path] = ()) -> list[Problem]:
        """A maximum below the minimum."""
        found = super().problems(roots)
        if self.max_per_class is not None and self.max_per_class < self.min_per_class:
            found.append(Problem("max_per_class", "The maximum is smaller than the minimum."))
        return found


class SizedOptions(PictureOptions):
    """With the size of records, which must be said."""

    width: int = option(256, title="Width", group="Pictures", ge=1, le=10_000, help="Pixels.")
    height: int = option(256, title="Height", group="Pictures", ge=1, le=10_000, help="Pixels.")


class DatabaseOptions(Options):
    """Databases of features and labels (see digits_core.data.databases), of the method "lmdb"."""

    features_db: str = option("", title="Training features", group="Source", kind="path", when={"method": ["lmdb"]},
                              help="The folder of an LMDB with Datum records, or HDF5 files with 'data' and 'label': "
                                   "pictures or vectors, bytes or decimals. They keep their size.")
    labels_db: str = option("", title="Training labels", group="Source", kind="path", when={"method": ["lmdb"]},
                            help="One with as many records, in the same order. Empty: the label of each record itself "
                                 "(in HDF5 numbers or a picture), or the picture itself where pictures are made.")
    val_features_db: str = option("", title="Validation features", group="Source", kind="path",
                                  when={"method": ["lmdb"]}, help="Empty: split from the training records.")
    val_labels_db: str = option("", title="Validation labels", group="Source", kind="path",
                                when={"method": ["lmdb"]})
    same_shape: bool = option(True, title="Enforce same shape", group="Source", when={"method": ["lmdb"]},
                              advanced=True, help="Records of another shape than the first cannot be used; else they "
                                                  "are brought to its size.")

    def database_problems(self, roots: Sequence[Path]) -> list[Problem]:
        """What is wrong with these fields: missing ones, halves of pairs, forbidden paths."""
        names = ("features_db", "labels_db", "val_features_db", "val_labels_db")
        missing = [] if self.features_db.strip() else ["features_db"]
        if self.val_labels_db.strip() and not self.val_features_db.strip():
            missing.append("val_features_db")
        if self.labels_db.strip() and self.val_features_db.strip() and not self.val_labels_db.strip():
            missing.append("val_labels_db")
        return [Problem(name, "This field is required.") for name in missing] + [
            problem for name in names if (problem := path_problem(name, getattr(self, name), roots))]


def path_problem(name: str, text: str, roots: Sequence[Path], kind: str = "") -> Problem | None:
    """What is wrong with the path in a field; nothing when it is empty.

    ``kind`` is folder or file; empty: a name that holds "folder" wants one.
    """
    if not text.strip():
        return None
    try:
        if is_s3(text):
            s3_place(text)  # whether it is there is asked when the rest is right
            return None
        if safe.is_url(text):
            if "folder" not in name or kind:
                return Problem(name, "A place on the server is needed here, not a URL.")
            return None
        path = safe.safe_path(text, roots)
    except DigitsError as error:
        return Problem(name, str(error))
    kind = kind or ("folder" if "folder" in name or (name.endswith("_db") and not is_hdf5(path)) else "file")
    wanted = path.is_dir() if kind == "folder" else path.is_file()
    return None if wanted else Problem(name, f"{text!r} is not a {kind}.")


def is_hdf5(path: Path) -> bool:
    """Whether a file is called as an HDF5 file, or as the list of some."""
    return path.name == HDF5_LIST or path.name.lower().endswith(HDF5)
