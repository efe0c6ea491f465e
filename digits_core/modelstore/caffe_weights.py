"""The numbers of a .caffemodel under the names and in the order that a described network has them.

Caffe's pictures are BGR, ours RGB: the layers that look at the picture are turned round here, once.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from digits_core.errors import BadData
from digits_core.modelstore.caffe_net import Net
from digits_core.networks import graph
from digits_core.networks.graph_network import paths

Array = NDArray[np.float32]
MOST = 2_000_000_000
"""Numbers in one blob."""


def array(blob: Any, what: str) -> Array:
    """A blob as float32 with its own sides. Raises BadData when it holds less or more than it says, or no numbers."""
    dims = list(blob.shape.dim) if blob.HasField("shape") else [blob.num, blob.channels, blob.height, blob.width]
    kind, pieces = (np.float64, blob.double_data) if blob.double_data else (np.float32, blob.data)
    size = 1
    for dim in dims:
        size *= max(0, dim)
    content = b"".join(pieces) if len(pieces) != 1 else pieces[0]
    if len(dims) > 8 or min(dims, default=0) < 0 or size > MOST or size * np.dtype(kind).itemsize != len(content):
        raise BadData(f"{what} says that it is {' x '.join(map(str, dims[:8]))}, and holds "
                      f"{len(content) // np.dtype(kind).itemsize} numbers.")
    values = np.frombuffer(content, np.dtype(kind).newbyteorder("<")).astype(np.float32).reshape(dims)
    if not np.isfinite(values).all():
        raise BadData(f"{what} holds values that are not numbers (NaN or infinite).")
    return values


def blobs_of(net: Any) -> dict[str, Any]:
    """The layers of a .caffemodel by name."""
    return {layer.name: layer for layer in [*net.layers, *net.layer]}


def fill_outputs(layers: list[Any], stored: dict[str, Any]) -> None:
    """Say how many outputs layers have where DIGITS left that open, as the weights tell."""
    for layer in layers:
        kind, about = layer.kind, layer.about
        param = about.inner_product_param if kind == "InnerProduct" else about.convolution_param
        known = kind in ("InnerProduct", "Convolution", "Deconvolution")
        if not known or param.HasField("num_output") or not getattr(stored.get(about.name), "blobs", ()):
            continue
        blob = stored[about.name].blobs[0]
        dims = [dim for dim in blob.shape.dim] or [blob.num, blob.channels, blob.height, blob.width]
        if kind == "Convolution":
            param.num_output = dims[0]
        elif kind == "Deconvolution" and len(dims) > 1:
            param.num_output = dims[1] * max(1, param.group)
        elif len(dims) > 1:
            param.num_output = dims[-1] if param.transpose else dims[-2]


def tensors(net: Net, parts: list[Any], stored: dict[str, Any]) -> dict[str, Array]:
    """All weights by their names in the built network. Raises BadData with every layer that has none."""
    places = paths([part.name for part in parts])
    found: dict[str, Array] = {}
    missing = []
    for part in parts:
        if not _learns(part):
            continue
        layer = net.layers[part.name]
        own = getattr(stored.get(layer.about.name), "blobs", ())
        arrays = [array(blob, f"A weight of the layer {part.name[:80]!r}") for blob in own]
        if part.name in net.behind:
            behind = net.behind[part.name].about.name
            arrays = arrays[:3] + [array(blob, f"A weight of the layer {behind[:80]!r}")
                                   for blob in getattr(stored.get(behind), "blobs", ())]
        named = _named(part, layer.about, arrays)
        if not named or any(value is None for value in named.values()):
            missing.append(repr(part.name[:80]))
        found |= {f"layers.{places[part.name]}.{name}": value for name, value in named.items() if value is not None}
    if missing:
        raise BadData(f"The weights are of another network: they have nothing, or too little, for {len(missing)} of "
                      f"its layers: {', '.join(missing[:12])}{' ...' if len(missing) > 12 else ''}.")
    return found


def _learns(part: Any) -> bool:
    return isinstance(part, graph.Convolution | graph.Dense | graph.BatchNorm | graph.Affine) or (
        isinstance(part, graph.Activation) and part.how == "prelu")


def _named(part: Any, about: Any, arrays: list[Array]) -> dict[str, Any]:
    """Tensors by name, None for each that is missing."""
    at = dict(enumerate(arrays))
    if isinstance(part, graph.BatchNorm):
        return _norm(part, at)
    if isinstance(part, graph.Affine):
        names = ["weight"] * part.scale + ["bias"] * part.bias
        return {name: _row(at.get(number)) for number, name in enumerate(names)}
    if isinstance(part, graph.Activation):
        return {"weight": _row(at.get(0))}
    weight = at.get(0)
    if isinstance(part, graph.Dense) and weight is not None:
        weight = weight.reshape(weight.shape[-2:]) if weight.ndim > 2 and weight.size else weight
        weight = weight.T if about.inner_product_param.transpose else weight
    return {"weight": weight, **({"bias": _row(at.get(1))} if part.bias else {})}


def _row(values: Array | None) -> Array | None:
    return None if values is None else values.reshape(-1)


def _norm(part: graph.BatchNorm, at: dict[int, Array]) -> dict[str, Any]:
    if not all(number in at and at[number].size for number in range(3)):
        return {"running_mean": None}
    total = float(at[2].reshape(-1)[0])
    factor = 0.0 if total == 0 else 1 / total
    found: dict[str, Any] = {"running_mean": _row(at[0] * np.float32(factor)),
                             "running_var": _row(at[1] * np.float32(factor)),
                             "num_batches_tracked": np.zeros((), np.int64)}
    if part.affine:
        found |= {"weight": _row(at.get(3)), "bias": _row(at.get(4))}
        if found["bias"] is None and found["weight"] is not None:
            found["bias"] = np.zeros_like(found["weight"])
    return found


def turned_round(parts: list[Any], found: dict[str, Array], sides: tuple[int, int, int]) -> list[Any]:
    """The network for RGB: what looks at the picture has its channels in reverse, in ``found`` too.

    Where that is not possible, because a layer before treats channels differently, a layer that flips comes first.
    """
    looking = _looking(parts)
    if looking is None:
        flip = graph.Flip(name="BGR", inputs=[graph.PICTURE])
        changed = [part.model_copy(update={"inputs": ["BGR" if name == graph.PICTURE else name
                                                      for name in part.inputs]}) for part in parts]
        return [flip, *changed]
    places = paths([part.name for part in parts])
    for part in looking:
        name = f"layers.{places[part.name]}.weight"
        weight = found[name]
        if isinstance(part, graph.Dense):
            if weight.shape[1] != sides[0] * sides[1] * sides[2]:
                raise BadData(f"The layer {part.name[:80]!r} is for {weight.shape[1]} values, and a picture has "
                              f"{sides[0] * sides[1] * sides[2]}.")
            found[name] = weight.reshape(-1, *sides)[:, ::-1].reshape(weight.shape)
        else:
            found[name] = weight[:, ::-1] if not part.transposed else weight[::-1]
    return parts


def _looking(parts: list[Any]) -> list[Any] | None:
    """The layers with weights that take the picture, or the same in other values; None when others do too."""
    same, looking = {graph.PICTURE}, []
    for part in parts:
        if not same & set(part.inputs):
            continue
        if isinstance(part, graph.Crop) and part.inputs[0] not in same:
            continue
        if isinstance(part, graph.Dense) or (isinstance(part, graph.Convolution) and part.groups == 1):
            looking.append(part)
        elif isinstance(part, graph.Power) or (isinstance(part, graph.Activation) and part.how != "prelu"):
            same.add(part.name)
        else:
            return None
    return looking
