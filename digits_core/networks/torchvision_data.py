"""torchvision's networks and their published weights, from torchvision.json (written by a script in scripts/)."""

import difflib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from digits_core.errors import NotFound

ROWS: dict[str, dict[str, Any]] = {
    row["name"]: row for row in json.loads(Path(__file__).with_name("torchvision.json").read_text())}


@dataclass(frozen=True)
class PublishedWeights:
    """Weights for the 1,000 classes of ImageNet, and how a picture is prepared for them."""

    network: str
    tag: str
    url: str
    sha256: str
    """The first digits, as the file's name has them."""
    bytes: int
    """About so many."""
    accuracy: float
    top5: float
    resize: int
    crop: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    """Of pixels from 0 to 1."""
    license: str
    """Its address, empty: torchvision's own."""
    recipe: str
    """Where it says how they were trained; empty: torchvision does not tell."""

    @property
    def file(self) -> str:
        """The name of the file, as torch's own cache has it."""
        return self.url.rpartition("/")[2]


def published(network: str) -> list[PublishedWeights]:
    """The weights of a network, the recommended ones first; none for one that torchvision does not know."""
    return [PublishedWeights(
        network, row["tag"], row["url"], row["sha256"], row["bytes"], row["accuracy"], row["top5"], row["resize"],
        row["crop"], tuple(row["mean"]), tuple(row["std"]), row["license"], row["recipe"])
        for row in ROWS.get(network, {}).get("weights", ())]


def find_published(network: str, tag: str = "DEFAULT") -> PublishedWeights:
    """One of them; DEFAULT (or nothing) is the recommended one. Raises NotFound naming those there are."""
    found = published(network)
    if not found:
        close = difflib.get_close_matches(network, ROWS, 3)
        raise NotFound(f"There are no published weights of {network[:60]!r}"
                       + (f"; perhaps {' or '.join(close)}?" if close else "."))
    for weights in found:
        if tag.upper() in (weights.tag, weights.tag.removeprefix("IMAGENET1K_")):
            return weights
    if tag.upper() in ("", "DEFAULT"):
        return found[0]
    raise NotFound(f"There are no weights {tag[:60]!r} of {network}; there are "
                   f"{', '.join(weights.tag for weights in found)}.")
