"""Files of Caffe become a described network and safetensors, in a process that may do little and is thrown away.

``python -m digits_core.modelstore.caffe`` is asked {"definition", "weights", "target", "mean", "mean_target", "sides"}
and answers what is known of the model or {"error"}: see jobs.child, which takes network, other processes and secrets
away from it.
"""

from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
import torch

from digits_core.errors import BadData
from digits_core.jobs import child, confine
from digits_core.modelstore import caffe_schema
from digits_core.modelstore.caffe_net import Net, layers_of, understood
from digits_core.modelstore.caffe_weights import array, blobs_of, fill_outputs, tensors, turned_round
from digits_core.networks.graph import LONGEST, PICTURE, Graph, Power
from digits_core.networks.graph_network import build

Json = dict[str, Any]
Sides = tuple[int, int, int]
LARGEST = 2_147_483_647
"""Bytes of a protobuf message."""


def read(question: Json) -> Json:
    """Read ``definition``, ``weights`` and perhaps ``mean``; write ``target`` and ``mean_target``.

    ``sides`` (channels, height, width; 0: unknown) count where the definition does not say them. Answers with them, the
    "graph", the sides of the "mean", and the "means" (RGB) that a data layer subtracts.
    """
    definition = caffe_schema.from_text(_text(Path(question["definition"])), "The network definition")
    stored = blobs_of(caffe_schema.from_bytes(_bytes(Path(question["weights"])), "Net", "The file of weights"))
    if not stored:
        raise BadData("The file of weights holds no layers: it is damaged, or no .caffemodel.")
    fill_outputs(layers_of(definition), stored)
    net = understood(definition)
    sides = _sides(net, question["sides"])
    found = tensors(net, net.parts, stored)
    parts = turned_round(_scaled(net), found, sides) if sides[0] == 3 else _scaled(net)
    graph = _graph(parts, net.output, sides)
    safetensors.numpy.save_file({name: np.ascontiguousarray(value) for name, value in found.items()},
                                question["target"])
    mean = _mean(Path(question["mean"]), Path(question["mean_target"])) if question["mean"] else []
    return {"graph": graph.text(), "sides": list(sides), "means": net.means[::-1], "mean": mean}


def _scaled(net: Net) -> list[Any]:
    """The layers, before them the factor by which a data layer multiplies pictures."""
    if net.scale == 1:
        return net.parts
    name = "scale of the data layer"
    first = Power(name=name, inputs=[PICTURE], scale=net.scale)
    return [first, *(part.model_copy(update={"inputs": [name if one == PICTURE else one for one in part.inputs]})
                     for part in net.parts)]


def _text(path: Path) -> str:
    if path.stat().st_size > LONGEST:
        raise BadData(f"The network definition is {path.stat().st_size / 1e6:.0f} MB long; at most {LONGEST / 1e6:.0f} "
                      "MB are read.")
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError:
        raise BadData("The network definition is no text.") from None


def _bytes(path: Path) -> bytes:
    if path.stat().st_size > LARGEST:
        raise BadData(f"The file of weights has {path.stat().st_size / 1e9:.1f} GB; its format ends at 2 GB.")
    return path.read_bytes()


def _sides(net: Net, given: list[int]) -> Sides:
    sides = list(net.sides) or [given[0], *([net.crop] * 2 if net.crop else given[1:])]
    if len(sides) != 3 or not (1 <= sides[0] <= 64 and all(1 <= side <= 10_000 for side in sides[1:])):
        raise BadData("The network definition does not say how large pictures are (input_shape): take deploy.prototxt, "
                      "or give width, height and colour.")
    return sides[0], sides[1], sides[2]


def _graph(parts: list[Any], output: str, sides: Sides) -> Graph:
    """The whole network, tried on a picture that takes no memory. Raises BadData when it makes no sense."""
    draft = Graph(size=sides[1:], classes=1, dense=True, layers=parts, output=output)
    with torch.device("meta"), torch.no_grad():
        shape = build(draft, sides, 1).eval()(torch.empty(1, *sides)).shape
    pixels = tuple(shape[2:])
    if pixels and pixels not in ((1, 1), sides[1:]):
        raise BadData(f"The network answers {shape[1]} x {' x '.join(map(str, pixels))} for pictures of "
                      f"{sides[1]} x {sides[2]}. One answer a picture (classification) or one a pixel (segmentation) "
                      "can be used.")
    dense = len(pixels) == 2 and pixels != (1, 1)
    classes = shape[1] if dense else shape[1:].numel()
    return draft.model_copy(update={"dense": dense, "classes": classes})


def _mean(path: Path, target: Path) -> list[int]:
    """Write the mean image, RGB, as float32 (channels, height, width); returns these three."""
    blob = caffe_schema.from_bytes(_bytes(path), "BlobProto", "The mean file")
    mean = array(blob, "The mean file")
    mean = mean.reshape(mean.shape[-3:]) if mean.ndim >= 3 and mean.size == np.prod(mean.shape[-3:]) else mean
    if mean.ndim != 3 or not mean.size:
        raise BadData(f"The mean file holds {' x '.join(map(str, mean.shape))} numbers; a picture is needed.")
    np.save(target, np.ascontiguousarray(mean[::-1] if len(mean) == 3 else mean), allow_pickle=False)
    return list(mean.shape)


if __name__ == "__main__":
    confine.limit()
    child.answer(read)
