"""Every label with its probability, and from which probability on it counts."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digits_core.options import Options, option
from digits_core.views import Bars, Panel

TITLE = "Labels"
Json = dict[str, Any]
NONE = "no label"


class ViewOptions(Options):
    """Which labels count."""

    threshold: float | None = option(None, title="Threshold", group="View", ge=0, le=1,
                                     help="From this probability on a label counts; empty: each label's own, found on "
                                          "validation pictures.")


FIGURES = "Probability"


def figures(answer: Json, options: ViewOptions) -> dict[str, float]:
    """The probability of each label."""
    return {row["label"]: row["probability"] for row in answer["predictions"]}


def panels(image: Image.Image, answer: Json, options: ViewOptions) -> list[Panel]:
    """A bar for each label, with its threshold."""
    rows = answer["predictions"]
    return [Bars([(row["label"], row["probability"]) for row in rows],
                 marks=[row["threshold"] if options.threshold is None else options.threshold for row in rows])]


def told(target: NDArray[np.float32], facts: Json) -> str:
    """The labels of a picture of a dataset."""
    return ", ".join(str(facts["labels"][number]) for number in np.flatnonzero(target)) or NONE
