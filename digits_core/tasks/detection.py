"""Object detection: pictures in, boxes around things of known classes out."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from digits_core import safe
from digits_core.data.boxselect import read_classes
from digits_core.errors import DigitsError, Problem
from digits_core.networks import NETWORKS, networks_for
from digits_core.networks.custom import CUSTOM
from digits_core.options import option
from digits_core.safe.places import is_s3, s3_place
from digits_core.tasks import Measure, Task
from digits_core.tasks.pictures import PictureOptions, path_problem
from digits_core.train.options import TrainOptions

NAMES = networks_for("detection")
if TYPE_CHECKING:
    Network = str
else:
    Network = Literal[(*NAMES, CUSTOM)]
SPLITS = {"": "train", "val_": "val", "test_": "test"}
"""Prefix of the fields of each split."""


class DatasetOptions(PictureOptions):
    """Everything a dataset of boxes can be told (names after DIGITS' form)."""

    method: Literal["folder", "archive"] = option(
        "folder", title="Where are the pictures?", group="Source",
        labels={"folder": "Folders on the server", "archive": "Upload (zip, tar)"})
    folder: str = option("", title="Training images", group="Source", kind="folder", when={"method": ["folder"]},
                         help="A folder of pictures; or one that holds pictures and labels as VOC, KITTI, COCO, YOLO "
                              "and Roboflow lay them out, with their own splits.")
    label_folder: str = option("", title="Training labels", group="Source", kind="path", when={"method": ["folder"]},
                               help="A folder with a label file for each picture, or the JSON file of COCO. Empty: "
                                    "they are found in the folder above.")
    val_folder: str = option("", title="Validation images", group="Source", kind="folder", advanced=True,
                             when={"method": ["folder"]}, help="Replaces the percentage.")
    val_label_folder: str = option("", title="Validation labels", group="Source", kind="path", advanced=True,
                                   when={"method": ["folder"]})
    test_folder: str = option("", title="Test images", group="Source", kind="folder", advanced=True,
                              when={"method": ["folder"]})
    test_label_folder: str = option("", title="Test labels", group="Source", kind="path", advanced=True,
                                    when={"method": ["folder"]})
    archive: str = option("", title="Archive", group="Source", kind="path", when={"method": ["archive"]},
                          help="A zip or tar file of pictures and labels in one of those layouts.")
    label_format: Literal["auto", "kitti", "voc", "coco", "yolo"] = option(
        "auto", title="Format of the labels", group="Source", advanced=True,
        labels={"auto": "By themselves", "kitti": "KITTI text", "voc": "Pascal VOC XML", "coco": "COCO JSON",
                "yolo": "YOLO text"})
    unlabelled: Literal["auto", "background", "skip", "refuse"] = option(
        "auto", title="Pictures without labels", group="Source", advanced=True,
        labels={"auto": "As usual for the format", "background": "Nothing to find there", "skip": "Leave out",
                "refuse": "A mistake"},
        help="Usual: with YOLO there is nothing to find, with the others they are left out. A mistake: they count as "
             "pictures that cannot be used.")
    classes: str = option("", title="Custom classes", group="Classes",
                          help="Names separated by commas; other boxes are dropped and counted. vehicle = car + van "
                               "makes one class of several, dontcare = tram regions that count neither way. Empty: "
                               "every name in the labels.")
    min_val_box: int | None = option(None, title="Minimum box size for validation", group="Classes", ge=0, le=10_000,
                                     help="Pixels of the source; of smaller boxes it does not count whether they are "
                                          "found. 0: off. Empty: by the format (25 for KITTI, as its own "
                                          "benchmark has it, else 0).")
    resize_mode: Literal["pad", "squash", "fill"] = option(  # type: ignore[assignment]
        "pad", title="Resize mode", group="Pictures",
        labels={"pad": "Pad", "squash": "Squash", "fill": "Fill"},
        help="Pad: at the top left on black, then squashed if a width and height are given. Squash ignores "
             "proportions; fill keeps them and adds noise.")
    pad_width: int | None = option(None, title="Pad width", group="Pictures", ge=1, le=9_999,
                                   when={"resize_mode": ["pad"]},
                                   help="Pixels. Empty: as the largest picture; of KITTI's pictures 1248 x 384.")
    pad_height: int | None = option(None, title="Pad height", group="Pictures", ge=1, le=9_999,
                                    when={"resize_mode": ["pad"]})
    width: int | None = option(None, title="Width", group="Pictures", ge=1, le=10_000,
                               help="Pixels; empty: as large as the padding, or as the largest picture.")
    height: int | None = option(None, title="Height", group="Pictures", ge=1, le=10_000)

    def problems(self, roots: Sequence[Path] = ()) -> list[Problem]:
        """Missing or forbidden paths, halves of pairs, classes that cannot be read."""
        found = super().problems(roots)
        for one, other in (("width", "height"), ("pad_width", "pad_height")):
            if (getattr(self, one) is None) != (getattr(self, other) is None):
                found.append(Problem(other if getattr(self, other) is None else one, "Give both sides, or none."))
        try:
            read_classes(self.classes)
        except ValueError as error:
            found.append(Problem("classes", f"{error}."))
        return found + (self._folder_problems(roots) if self.method == "folder" else self._archive_problems(roots))

    def _archive_problems(self, roots: Sequence[Path]) -> list[Problem]:
        if not self.archive.strip():
            return [Problem("archive", "This field is required.")]
        problem = path_problem("archive", self.archive, roots, "file")
        return [problem] if problem else []

    def _folder_problems(self, roots: Sequence[Path]) -> list[Problem]:
        found = [] if self.folder.strip() else [Problem("folder", "This field is required.")]
        for prefix in SPLITS:
            images, labels = f"{prefix}folder", f"{prefix}label_folder"
            given = [bool(getattr(self, name).strip()) for name in (images, labels)]
            if given == [False, True] or (prefix and given == [True, False]):
                missing = images if given[1] else labels
                found.append(Problem(missing, f"This field is required if {labels if given[1] else images} is set."))
            if problem := path_problem(images, getattr(self, images), roots, "folder"):
                found.append(problem)
            if problem := _place_problem(labels, getattr(self, labels), roots):
                found.append(problem)
        return found


def _place_problem(name: str, text: str, roots: Sequence[Path]) -> Problem | None:
    """What is wrong with a path that may lead to a file or to a folder."""
    try:
        if is_s3(text):
            s3_place(text)
        elif text.strip():
            safe.safe_path(text, roots)
    except DigitsError as error:
        return Problem(name, str(error))
    return None


class ModelOptions(TrainOptions):
    """What a training of a detector can be told."""

    network: Network = option("detectnet_small", title="Network", group="Network",
                              labels={**{name: NETWORKS[name].title for name in NAMES}, CUSTOM: "Custom"},
                              help="Any channel count works; pictures keep the dataset's size.")
    mean: Literal["none", "image", "pixel", "range"] = option(
        "pixel", title="Subtract mean", group="Data",
        labels={"none": "None", "image": "Image", "pixel": "Pixel", "range": "Pixels become -1 to 1"},
        help="Take the average colour (pixel) or the average training picture (image) from every input.")


TASK = Task(
    name="detection", title="Object detection", dataset_options=DatasetOptions, model_options=ModelOptions,
    source="digits_core.data.detection:detection", example="digits_core.data.detection:example", target="float32",
    moves="digits_core.train.box_moves:Boxes", learner="digits_core.train.detector:Detector",
    answerer="digits_core.infer.answers:Boxes", output="boxes", dense=True,
    trial="digits_core.networks.box_trial:try_detector", counted="Boxes", drawing="digits_core.views.detection:drawn",
    view="digits_core.views.detection", named="digits_core.infer.named:boxed", networks=NAMES,
    default_network="detectnet_small", judge="digits_core.evaluate.tested:Boxes",
    measures=(Measure("map50", "mAP50"), Measure("map", "mAP50-95"), Measure("precision", "Precision"),
              Measure("recall", "Recall"), Measure("f1", "F1"), Measure("detectnet_map", "DetectNet's mAP")))
