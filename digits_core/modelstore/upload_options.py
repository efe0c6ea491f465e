"""What the upload of a model as single files can be told, described once: weights, network, labels, pictures."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from digits_core import safe
from digits_core.errors import DigitsError, Problem
from digits_core.networks import NETWORKS
from digits_core.options import Options, option

if TYPE_CHECKING:
    Known = str
else:
    Known = Literal[("", *NETWORKS)]
ENDINGS = (".pth", ".pt", ".safetensors", ".bin")
SCALES: dict[str, tuple[list[float], list[float]]] = {
    "imagenet": ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375]),
    "half": ([127.5] * 3, [127.5] * 3),
    "unit": ([0.0] * 3, [255.0] * 3),
    "raw": ([0.0] * 3, [1.0] * 3),
}
"""Mean and spread on the scale 0..255."""
SIDE = 224
"""Of pictures for a known network, where nothing says another, in pixels."""
CAFFE_ENDING, FILES = ".caffemodel", ("file", "definition", "labels_file", "mean_file")
WANTED = {"labels_file": (".txt",), "mean_file": (".binaryproto", ".npy")}


class FilesOptions(Options):
    """A model in single files: of Caffe, or weights of PyTorch with the source or the name of their network."""

    file: str = option("", title="Weights", group="Files", kind="path",
                          help=".caffemodel, or a state dict: .pth, .pt, .safetensors.")
    definition: str = option("", title="Model definition", group="Files", kind="path",
                             help="deploy.prototxt for Caffe; for PyTorch a .py with build_network(params).")
    network: Known = option("", title="Known network", group="Files",
                            labels={"": "none", **{spec.name: spec.title for spec in NETWORKS.values()}},
                            help="Instead of a definition, for a state dict.")
    labels_file: str = option("", title="Labels file", group="Files", kind="path",
                              help="One class name a line; empty: ImageNet's names for 1,000 classes of a known "
                                   "network, else numbers.")
    mean_file: str = option("", title="Mean file", group="Files", kind="path",
                            help="mean.binaryproto of DIGITS, or .npy float32 (channels, height, width), 0..255.")
    task: Literal["auto", "classification", "segmentation"] = option(
        "auto", title="Task", group="Pictures",
        labels={"auto": "As the network answers", "classification": "Image classification",
                "segmentation": "Semantic segmentation"})
    image_type: Literal["color", "gray"] = option("color", title="Image type", group="Pictures",
                                                  labels={"color": "Colour", "gray": "Grey"})
    width: int | None = option(None, title="Width", group="Pictures", ge=1, le=10_000,
                               help="Pictures are resized to this, before a crop; empty: as mean or network have it, "
                                    f"{SIDE} for a known network.")
    height: int | None = option(None, title="Height", group="Pictures", ge=1, le=10_000,
                                help=f"Pixels; empty: as mean or network have it, {SIDE} for a known network.")
    resize_mode: Literal["squash", "crop", "fill", "half"] = option(
        "squash", title="Resize mode", group="Pictures",
        labels={"squash": "Squash", "crop": "Crop", "fill": "Fill", "half": "Half crop, half fill"})
    crop: int | None = option(None, title="Crop size", group="Pictures", ge=1, le=10_000,
                              help="The square in the middle that a network of PyTorch sees; empty: everything. "
                                   "Definitions of Caffe say it themselves.")
    mean: Literal["auto", "image", "pixel", "none"] = option(
        "auto", title="Subtract mean", group="Pictures",
        labels={"auto": "As the mean file fits", "image": "Image", "pixel": "Pixel", "none": "None"})
    scale: Literal["imagenet", "half", "unit", "raw"] = option(
        "imagenet", title="Scale of the input", group="Pictures",
        labels={"imagenet": "ImageNet's mean and spread", "half": "-1 to 1", "unit": "0 to 1", "raw": "0 to 255"},
        help="For PyTorch: what the pixels were turned into when the network was trained.")
    allow_code: bool = option(False, title="The definition's Python code may run on this server", group="Files",
                              help="Only for files of people you trust.")

    def problems(self, roots: Sequence[Path] = ()) -> list[Problem]:
        """Files that are missing, a crop larger than the picture."""
        found = [Problem(name, problem) for name in FILES
                 if (text := getattr(self, name)).strip() and (problem := unreadable(text, roots))]
        if (self.width is None) != (self.height is None):
            found.append(Problem("height" if self.width else "width", "Give both sides, or neither."))
        width, height = self.sides
        if self.crop and (self.width or self.network) and self.crop > min(width, height):
            found.append(Problem("crop", f"The crop is larger than the picture of {width} x {height}."))
        return found

    @property
    def sides(self) -> tuple[int, int]:
        """Width and height of pictures for a known network, in pixels."""
        return self.width or SIDE, self.height or SIDE

    def file_problems(self, names: Mapping[str, str]) -> list[Problem]:
        """What is wrong with the files of these names, empty where there is none, wherever they come from."""
        weights, definition = names["file"].lower(), names["definition"].lower()
        if not weights:
            return [Problem("file", "Missing weights file.")]
        if not weights.endswith((CAFFE_ENDING, *ENDINGS)):
            return [Problem("file", f"Weights must be a {CAFFE_ENDING} file, or a state dict "
                                       f"({', '.join(ENDINGS[:-1])}).")]
        found = [Problem(name, f"This must be a {' or '.join(endings)} file.") for name, endings in WANTED.items()
                 if names[name] and not names[name].lower().endswith(endings)]
        wanted = ".prototxt" if weights.endswith(CAFFE_ENDING) else ".py"
        if not definition and (wanted == ".prototxt" or not self.network):
            found.append(Problem("definition", "Missing model definition file." if wanted == ".prototxt" else
                                 "Missing model definition file (.py); or choose a known network."))
        elif definition and not definition.endswith(wanted):
            found.append(Problem("definition", f"Model definition must be a {wanted} file for such weights."))
        elif definition and self.network:
            found.append(Problem("network", "Give a definition or a known network, not both."))
        elif self.network and names["mean_file"]:
            found.append(Problem("mean_file", "For a known network the scale of the input says what is subtracted."))
        elif self.network and self.task == "segmentation":
            found.append(Problem("task", "Known networks classify."))
        if wanted == ".py" and definition:
            found += self._code_problems(names)
        return found

    def _code_problems(self, names: Mapping[str, str]) -> list[Problem]:
        found = []
        if not self.allow_code:
            found.append(Problem("allow_code", "The definition is Python code, which runs on this server: allow that, "
                                               "if you trust whoever made it."))
        if not names["labels_file"]:
            found.append(Problem("labels_file", "A definition in Python needs the labels: they say how many classes "
                                                "there are."))
        if self.width is None:
            found.append(Problem("width", "A definition in Python does not say the size of pictures."))
        if self.task == "auto":
            found.append(Problem("task", "Say what the network of a definition in Python answers."))
        return found


def unreadable(text: str, roots: Sequence[Path]) -> str:
    """What is wrong with a file on the server, empty when nothing."""
    try:
        return "" if safe.safe_path(text, roots).is_file() else f"{text!r} is not a file."
    except DigitsError as error:
        return str(error)
