"""Semantic segmentation: pictures in, the class of every pixel out."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from digits_core.errors import Problem
from digits_core.networks import DESCRIBED, NETWORKS, networks_for
from digits_core.options import option
from digits_core.tasks import Measure, Task
from digits_core.tasks.pictures import PictureOptions, path_problem
from digits_core.train.options import TrainOptions

NAMES = networks_for("segmentation")
if TYPE_CHECKING:
    Network = str
else:
    Network = Literal[(*NAMES, *DESCRIBED)]


class DatasetOptions(PictureOptions):
    """Everything a segmentation dataset can be told (names after DIGITS' form)."""

    method: Literal["folders", "contours", "volumes"] = option(
        "folders", title="Where are the labels?", group="Source",
        labels={"folders": "Label images", "contours": "Contours (text files)",
                "volumes": "Volumes (NIfTI)"})
    images: str = option("", title="Feature image folder", group="Source", kind="folder",
                         help="The pictures, also in folders inside.")
    labels: str = option("", title="Label image or contour folder", group="Source", kind="folder",
                         when={"method": ["folders", "contours"]},
                         help="A label image (PNG is right, JPEG changes values) or a text file with a contour, x y a "
                              "line, for every picture: same relative path but for the ending. Or Sunnybrook's "
                              "folders of contours.")
    volumes: list[str] = option([], title="Volumes of a case", group="Source", when={"method": ["volumes"]},
                                help="The last word of their files' names, such as flair, t1, t1ce, t2: each is a "
                                     "channel of the pictures. Empty: all that most cases have.")
    label_volume: str = option("seg", title="Label volume", group="Source", when={"method": ["volumes"]},
                               help="The last word of its file's name: case_seg.nii.gz beside case_t1.nii.gz.")
    axis: Literal["axial", "coronal", "sagittal"] = option(
        "axial", title="Slices", group="Source", when={"method": ["volumes"]},
        labels={"axial": "Axial", "coronal": "Coronal", "sagittal": "Sagittal"})
    slices: Literal["all", "max", "threshold"] = option(
        "all", title="Which slices", group="Source", when={"method": ["volumes"]},
        labels={"all": "All", "max": "The one with most label", "threshold": "With enough label"})
    label_pixels: int = option(1000, title="Labelled pixels at least", group="Source", ge=1,
                               when={"method": ["volumes"], "slices": ["threshold"]})
    keep_cases: bool = option(True, title="Keep cases together", group="Split",
                              when={"method": ["contours", "volumes"]},
                              help="Pictures of one folder (a patient) are all for training or all for validation.")
    val_images: str = option("", title="Validation image folder", group="Source", kind="folder", advanced=True,
                             help="Separate validation pictures; replaces the percentage.")
    val_labels: str = option("", title="Validation label folder", group="Source", kind="folder", advanced=True,
                             when={"method": ["folders", "contours"]})
    test_images: str = option("", title="Test image folder", group="Source", kind="folder", advanced=True)
    test_labels: str = option("", title="Test label folder", group="Source", kind="folder", advanced=True,
                              when={"method": ["folders", "contours"]})
    colour_map: Literal["label", "file"] = option(
        "label", title="Colour map", group="Classes", when={"method": ["folders"]},
        labels={"label": "From label image", "file": "From text file"},
        help="From label image: its values (grey) or palette numbers are the classes. From text file: its colours are.")
    colour_map_file: str = option("", title="Colour map file", group="Classes", kind="path",
                                  when={"colour_map": ["file"], "method": ["folders"]},
                                  help="A line r g b for each class, line 1 is class 0; a class name may follow. A "
                                       "colour with the name 'ignored' is no class.")
    values: Literal["auto", "index", "binary"] = option(
        "auto", title="Values of grey label images", group="Classes", advanced=True,
        when={"colour_map": ["label"], "method": ["folders"]},
        labels={"auto": "By themselves", "index": "Class numbers (255: ignored)", "binary": "Black and white"},
        help="By themselves: pictures of nothing but 0 and 255 are black and white, two classes; else a value is a "
             "class number and 255 is ignored.")
    labels_file: str = option("", title="Class labels file", group="Classes", kind="path",
                              help="One class name a line; line 1 is class 0. Empty: what the colour map file says, or "
                                   "the numbers; of contours background and left ventricle.")
    width: int | None = option(None, title="Width", group="Pictures", ge=1, le=10_000,
                               help="Pixels; empty: that of the first picture.")
    height: int | None = option(None, title="Height", group="Pictures", ge=1, le=10_000)
    val_percent: float = option(10, title="% for validation", group="Split", ge=0, le=99)

    def problems(self, roots: Sequence[Path] = ()) -> list[Problem]:
        """Missing or forbidden paths, one of two folders, one of two sides, a split of more than 100 percent."""
        found = super().problems(roots)
        if (self.width is None) != (self.height is None):
            found.append(Problem("height" if self.height is None else "width",
                                 "Give both sides, or none to keep the pictures' size."))
        found += [Problem(name, "This field is required.") for name in ("images", *self._label_fields("labels"))
                  if not getattr(self, name)]
        if self.method == "volumes" and self.channels != "all":
            found.append(Problem("channels", "Volumes are read with all channels in full depth."))
        mapped = self.method == "folders" and self.colour_map == "file"
        if mapped and not self.colour_map_file.strip():
            found.append(Problem("colour_map_file", "This field is required."))
        files = ("labels_file", *(["colour_map_file"] if mapped else []))
        folders = ("images", "val_images", "test_images",
                   *self._label_fields("labels", "val_labels", "test_labels"))
        return found + self._halves() + [
            problem for name in (*folders, *files)
            if (problem := path_problem(name, getattr(self, name), roots, "folder" if name in folders else "file"))]

    def _label_fields(self, *names: str) -> tuple[str, ...]:
        return () if self.method == "volumes" else names

    def _halves(self) -> list[Problem]:
        """Pictures without label images, or the other way round."""
        found = []
        for split in self._label_fields("val", "test"):
            sides = {part: getattr(self, f"{split}_{part}").strip() for part in ("images", "labels")}
            missing = [part for part, text in sides.items() if not text]
            if len(missing) == 1:
                other = "labels" if missing == ["images"] else "images"
                found.append(Problem(f"{split}_{missing[0]}", f"This field is required if {split}_{other} is set."))
        return found


class ModelOptions(TrainOptions):
    """What a training of a segmentation can be told."""

    network: Network = option("unet", title="Network", group="Network",
                              labels={**{name: NETWORKS[name].title for name in NAMES}, **DESCRIBED},
                              help="Any input size and channel count works; masks are as large as pictures.")
    segment_loss: Literal["cross_entropy", "cross_entropy_dice"] = option(
        "cross_entropy_dice", title="Loss", group="Goal",
        labels={"cross_entropy": "Cross entropy", "cross_entropy_dice": "Cross entropy and Dice"},
        help="Dice counts the overlap of each class, however few its pixels are: small things are not given up.")
    label_smoothing: float = option(0.0, title="Label smoothing", group="Regularisation", ge=0, le=0.9, advanced=True,
                                    help="Share of a pixel's label that is spread over all classes.")
    class_weights: Literal["none", "sqrt", "inverse"] = option(
        "none", title="Class weights", group="Regularisation",
        labels={"none": "None", "sqrt": "Square root", "inverse": "Inverse"},
        help="Rare classes count more: by one over their number of pixels, or one over its square root.")


TASK = Task(
    name="segmentation", title="Semantic segmentation", dataset_options=DatasetOptions, model_options=ModelOptions,
    source="digits_core.data.segments:segmentation", example="digits_core.data.segments:example", target="uint8",
    moves="digits_core.train.moves:Masks", learner="digits_core.train.segmenter:Segmenter", dense=True,
    answerer="digits_core.infer.answers:Mask", output="mask", counted="Pixels",
    drawing="digits_core.views.segmentation:drawn", view="digits_core.views.segmentation",
    named="digits_core.infer.named:shown", networks=NAMES, default_network="unet",
    judge="digits_core.evaluate.tested:Masks",
    measures=(Measure("miou", "Mean IoU"), Measure("dice", "Dice"), Measure("accuracy", "Pixel accuracy")))
