"""What goes into an exported network and what comes out of it: names, types and shapes. No torch here.

Everything between is inside its graph: the crop, mean and spread, the network, and what makes an answer of its
outputs. So a client resizes a picture (as preprocessing.json says), and is done.
"""

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from digits_core.data.planes import ALL
from digits_core.data.texts import TEXT
from digits_core.infer.model_folder import ModelFolder
from digits_core.tasks import task

ANY = -1
"""A length that is not fixed: of a batch, or of a list of boxes."""
Dtype = Literal["uint8", "float32"]


class Port(NamedTuple):
    """One input or output; ``dtype`` is NumPy's name, ``shape`` has ANY where every length will do."""

    name: str
    dtype: Dtype
    shape: tuple[int, ...]

    @property
    def bytes(self) -> int:
        """Of one entry of a batch."""
        return int(np.prod(self.shape[1:])) * np.dtype(self.dtype).itemsize


class Signature(NamedTuple):
    """The only input and the only output of a model's graph, see ``signature``."""

    input: Port
    output: Port

    @property
    def batched(self) -> bool:
        """Whether it takes several pictures at once; else exactly one."""
        return self.input.shape[0] == ANY


def signature(model: ModelFolder) -> Signature:
    """Of this model.

    Input: ``image`` (N, H, W, C), uint8, H and W before the crop; in full depth float32 on the dataset's scale 0..255.
    Of texts ``text`` uint8 (N, characters): numbers from digits_core.data.texts, 0 is a blank.
    Output, by what the task names: ``probabilities`` (N, K); ``mask`` uint8 (N, H, W), numbers of classes; ``boxes``
    (M, 6) of one picture, best first: class, x0, y0, x1, y1, score, in pixels of the input after the crop; ``values``
    (N, K) in the units of the table; ``picture`` (N, C, H, W), 0..255; ``embedding`` (N, D) of length 1; ``code``
    (N, L): z, a weight for each class, and the picture made of them, -1..1.
    """
    steps = model.preprocessing
    channels, high, wide = model.network.input_shape
    kind, values = task(model.network.task).output, model.network.outputs or model.network.classes
    shapes: dict[str, tuple[int, ...]] = {
        "mask": (ANY, high, wide), "boxes": (ANY, 6), "picture": (ANY, channels, high, wide),
        "code": (ANY, values + channels * high * wide)}
    output = Port(kind, "uint8" if kind == "mask" else "float32", shapes.get(kind, (ANY, values)))
    batch = 1 if kind == "boxes" else ANY
    if steps.channels == TEXT:
        return Signature(Port("text", "uint8", (batch, steps.width)), output)
    depth: Dtype = "float32" if steps.channels == ALL else "uint8"
    return Signature(Port("image", depth, (batch, steps.height, steps.width, channels)), output)


def given(model: ModelFolder, pixels: NDArray[Any]) -> NDArray[Any]:
    """One entry of a batch for the graph, from what ``ModelFolder.resized`` gives: (H, W, C), or (characters,)."""
    if model.preprocessing.channels == TEXT:
        text: NDArray[Any] = pixels[0, 0]
        return text
    return np.ascontiguousarray(pixels.transpose(1, 2, 0))


def found(model: ModelFolder, output: NDArray[Any]) -> NDArray[Any]:
    """One answer of the graph as answerers (digits_core.infer.answers) have it; all boxes are one answer."""
    if signature(model).output.name != "values":
        return output
    scale = model.preprocessing.details
    around_zero: NDArray[np.float32] = ((output - scale["mean"]) / np.array(scale["std"])).astype(np.float32)
    return around_zero
