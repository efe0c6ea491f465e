"""What the import of a file of weights, and the publishing of a model, can be told: described once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from digits_core import safe
from digits_core.errors import DigitsError, Problem
from digits_core.modelstore.team import slug
from digits_core.networks import NETWORKS
from digits_core.options import Options, option
from digits_core.train.options import Network

ENDINGS = (".pth", ".pt", ".safetensors", ".bin")
SCALES: dict[str, tuple[list[float], list[float]]] = {
    "imagenet": ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375]),
    "half": ([127.5] * 3, [127.5] * 3),
    "unit": ([0.0] * 3, [255.0] * 3),
    "raw": ([0.0] * 3, [1.0] * 3),
}
"""Mean and spread on the scale 0..255."""


class WeightsOptions(Options):
    """Weights (a state dict) of a network that DIGITS knows, and how pictures were prepared for it."""

    network: Network = option("resnet18", title="Network", group="Weights", help="What the weights belong to.",
                              labels={spec.name: spec.title for spec in NETWORKS.values()})
    file: str = option("", title="Weights file", group="Weights", kind="path",
                       help="A state dict on the server: .pth, .pt or .safetensors.")
    labels_file: str = option("", title="Labels file", group="Weights", kind="path",
                              help="One class name a line; empty: ImageNet's names for 1,000 classes, else numbers.")
    width: int = option(224, title="Width", group="Pictures", ge=1, le=10_000,
                        help="Pictures are resized to this, in pixels.")
    height: int = option(224, title="Height", group="Pictures", ge=1, le=10_000)
    resize_mode: Literal["squash", "crop", "fill", "half"] = option(
        "crop", title="Resize mode", group="Pictures",
        labels={"squash": "Squash", "crop": "Crop", "fill": "Fill", "half": "Half crop, half fill"})
    crop: int | None = option(None, title="Crop size", group="Pictures", ge=1, le=10_000,
                              help="The square in the middle that the network sees; empty: everything.")
    scale: Literal["imagenet", "half", "unit", "raw"] = option(
        "imagenet", title="Scale of the input", group="Pictures",
        labels={"imagenet": "ImageNet's mean and spread", "half": "-1 to 1", "unit": "0 to 1", "raw": "0 to 255"},
        help="What the pixels were turned into when the network was trained.")

    def problems(self, roots: Sequence[Path] = ()) -> list[Problem]:
        """Files that are missing or of another kind, a crop larger than the picture."""
        found = []
        if self.crop is not None and self.crop > min(self.width, self.height):
            found.append(Problem("crop", f"The crop is larger than the picture of {self.width} x {self.height}."))
        if self.network not in NETWORKS:
            found.append(Problem("network", "Weights of a custom network come with its source, in a model archive."))
        for name, text in (("file", self.file), ("labels_file", self.labels_file)):
            if text.strip() and (problem := unreadable(text, roots)):
                found.append(Problem(name, problem))
        if self.file.strip() and not self.file.lower().endswith(ENDINGS):
            found.append(Problem("file", f"A file of weights ends in {', '.join(ENDINGS)}."))
        return found


def unreadable(text: str, roots: Sequence[Path]) -> str:
    """What is wrong with a file on the server, empty when nothing."""
    try:
        return "" if safe.safe_path(text, roots).is_file() else f"{text!r} is not a file."
    except DigitsError as error:
        return str(error)


class PublishOptions(Options):
    """What goes with a model into the team's store."""

    publish_as: str = option("", title="Publish as", group="Published model",
                             help="The name of the published model; with one that there is already this becomes its "
                                  "next version.")
    note: str = option("", title="Note", group="Published model", kind="text", help="What it is for, what changed.")
    trained_on: str = option("", title="Data sets", group="Published model", help="Empty: the name of its dataset.")
    license: str = option("", title="License", group="Published model", help="Its name, such as MIT.")
    license_text: str = option("", title="License text", group="Published model", kind="text", advanced=True)
    anyway: str = option("", title="Publish anyway, because", group="Published model", advanced=True,
                         help="Publishes it although it gets pins wrong. The reason is shown with the version.")

    def problems(self, roots: Sequence[Path] = ()) -> list[Problem]:
        """A name that leaves nothing for an address."""
        return [] if slug(self.publish_as) else [Problem("publish_as", "A name with letters or digits is needed.")]
