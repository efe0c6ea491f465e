"""Networks of Caffe as their papers describe them, in a short form, and files of random weights for them.

A line is a layer: type, name, inputs > output (the name when left out), then its parameters as Caffe writes them.
"""

import re
from pathlib import Path

import numpy as np
import torch

from digits_core.modelstore import caffe_schema
from digits_core.modelstore.caffe_net import understood
from digits_core.networks.graph import Graph
from digits_core.networks.graph_network import build

PARAMS = {"Convolution": "convolution_param", "Deconvolution": "convolution_param", "Pooling": "pooling_param",
          "InnerProduct": "inner_product_param", "LRN": "lrn_param", "Dropout": "dropout_param",
          "Eltwise": "eltwise_param", "Crop": "crop_param", "Concat": "concat_param", "Slice": "slice_param",
          "Power": "power_param", "ReLU": "relu_param", "BatchNorm": "batch_norm_param", "Scale": "scale_param",
          "Reshape": "reshape_param", "ELU": "elu_param", "Flatten": "flatten_param", "Interp": "interp_param",
          "PReLU": "prelu_param", "Bias": "bias_param"}


def prototxt(lines: str, shape: tuple[int, int, int]) -> str:
    """A deploy.prototxt from the short form, for pictures (channels, height, width)."""
    dims = " ".join(f"dim: {side}" for side in (1, *shape))
    text = f'name: "test"\ninput: "data"\ninput_shape {{ {dims} }}\n'
    for line in filter(None, (line.strip() for line in lines.splitlines())):
        kind, name, inputs, output, params = re.fullmatch(
            r"(\w+) (\S+) ([^>{]*?)(?: ?> ?([^{]+?))? ?(?:\{(.*)\})?", line).groups()
        wires = "".join(f' bottom: "{blob}"' for blob in inputs.split())
        wires += "".join(f' top: "{blob}"' for blob in (output or name).split())
        inside = f" {PARAMS[kind]} {{ {params} }}" if params else ""
        text += f'layer {{ name: "{name}" type: "{kind}"{wires}{inside} }}\n'
    return text


def caffemodel(text: str, path: Path, seed: int = 0) -> Path:
    """A .caffemodel with random weights for every layer of a deploy.prototxt, drawn so that values stay around 1."""
    random, net = np.random.default_rng(seed), caffe_schema.new("Net")
    for name, kind, blobs in weights_of(text):
        made = net.layer.add(name=name, type=kind)
        for part, shape in blobs:
            around = (1.0, 0.3) if part in ("running_var", "factor") else (0.0, 0.1)
            spread = np.sqrt(2 / np.prod(shape[1:])) if len(shape) > 1 else around[1]
            values = np.abs(around[0] + random.standard_normal(shape, np.float32) * spread) if around[0] else (
                random.standard_normal(shape, np.float32) * spread)
            add_blob(made, values)
    path.write_bytes(net.SerializeToString())
    return path


def add_blob(layer, values: np.ndarray) -> None:
    """Append a blob as Caffe writes it."""
    blob = layer.blobs.add()
    blob.shape.dim.extend(values.shape)
    blob.data.append(values.astype("<f4").tobytes())


def weights_of(text: str):
    """(layer, type, [(part, shape)]) of every layer with weights, worked out from the definition alone."""
    net = understood(caffe_schema.from_text(text, "test"))
    draft = Graph(size=net.sides[1:], classes=1, dense=True, layers=net.parts, output=net.output)
    with torch.device("meta"):
        network = build(draft, net.sides, 1)
    for part in net.parts:
        shapes = {name: tuple(tensor.shape) for name, tensor in
                  network.layers.get_submodule(network.paths[part.name]).state_dict().items()}
        if not shapes:
            continue
        own = net.layers[part.name]
        if part.kind == "batchnorm":
            yield own.about.name, own.kind, [("mean", shapes["running_mean"]),
                                             ("running_var", shapes["running_var"]), ("factor", (1,))]
            if part.affine:
                behind = net.behind[part.name]
                names = ["factor", "bias"][:1 + behind.about.scale_param.bias_term]
                yield behind.about.name, behind.kind, [(name, shapes["weight"]) for name in names]
        else:
            found = [(name, shapes[name]) for name in ("weight", "bias") if name in shapes]
            if part.kind == "dense" and own.about.inner_product_param.transpose:
                found[0] = ("weight", shapes["weight"][::-1])
            yield own.about.name, own.kind, found
