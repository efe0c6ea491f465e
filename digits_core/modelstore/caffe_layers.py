"""Each of Caffe's layers as a part of a described network, or the reason why it has none."""

from collections.abc import Callable
from typing import Any

from digits_core.networks import graph

Made = list[Any]
"""One part for each output."""


class Refused(Exception):
    """A layer cannot be taken over; the text says why."""


def parts_of(layer: Any, kind: str, inputs: list[str]) -> Made:
    """The parts that do what ``layer`` does; the first has its name. Raises Refused."""
    if kind not in MAKERS:
        raise Refused("layers of this type are not known here")
    if not inputs:
        raise Refused("it takes nothing")
    return MAKERS[kind](layer, {"name": layer.name, "inputs": inputs})


def _get(message: Any, name: str, default: Any) -> Any:
    return getattr(message, name) if message.HasField(name) else default


def pair(message: Any, name: str, default: int) -> tuple[int, int]:
    """Height and width of kernel_size, stride, pad or dilation, however they are written."""
    short = name.removesuffix("_size")
    fields = {field.name for field in message.DESCRIPTOR.fields}
    if f"{short}_h" in fields and (message.HasField(f"{short}_h") or message.HasField(f"{short}_w")):
        return _get(message, f"{short}_h", default), _get(message, f"{short}_w", default)
    values = list(getattr(message, name))
    if len(values) > 2:
        raise Refused(f"it has {len(values)} numbers as its {name}; pictures have two sides")
    return (values[0], values[-1]) if values else (default, default)


def _convolution(layer: Any, wired: Any, transposed: bool = False) -> Made:
    param = layer.convolution_param
    if _get(param, "axis", 1) not in (1, -3):
        raise Refused("it works along another axis than the channels")
    return [graph.Convolution(
        **wired, outputs=param.num_output, kernel=pair(param, "kernel_size", 0), stride=pair(param, "stride", 1),
        pad=pair(param, "pad", 0), dilation=pair(param, "dilation", 1), groups=_get(param, "group", 1),
        bias=_get(param, "bias_term", True), transposed=transposed)]


def _dense(layer: Any, wired: Any) -> Made:
    param = layer.inner_product_param
    if _get(param, "axis", 1) != 1:
        raise Refused("it works along another axis than the first")
    return [graph.Dense(**wired, outputs=param.num_output, bias=_get(param, "bias_term", True))]


def _pool(layer: Any, wired: Any) -> Made:
    param = layer.pooling_param
    how: Any = {0: "largest", 1: "average"}.get(param.pool)
    if how is None:
        raise Refused("it pools by chance (STOCHASTIC)")
    if len(layer.top) > 1:
        raise Refused("its second output, where the largest values were, is not known here")
    if param.global_pooling:
        return [graph.Pool(**wired, how=how, whole=True)]
    up = _get(param, "ceil_mode", True) and not param.round_mode
    return [graph.Pool(**wired, how=how, kernel=pair(param, "kernel_size", 0), stride=pair(param, "stride", 1),
                       pad=pair(param, "pad", 0), up=up)]


def _response(layer: Any, wired: Any) -> Made:
    param = layer.lrn_param
    return [graph.Response(**wired, size=_get(param, "local_size", 5), alpha=_get(param, "alpha", 1.0),
                           beta=_get(param, "beta", 0.75), k=_get(param, "k", 1.0), within=param.norm_region == 1)]


def _batch_norm(layer: Any, wired: Any) -> Made:
    param = layer.batch_norm_param
    fraction = _get(param, "moving_average_fraction", 0.999)
    return [graph.BatchNorm(**wired, eps=_get(param, "eps", 1e-5), momentum=min(1.0, max(0.0, 1 - fraction)),
                            affine=param.scale_bias)]


def _scale(layer: Any, wired: Any) -> Made:
    if len(wired["inputs"]) == 2:
        return [graph.Combine(**wired, how="product")]
    _per_channel(layer.scale_param)
    return [graph.Affine(**wired, bias=layer.scale_param.bias_term)]


def _bias(layer: Any, wired: Any) -> Made:
    _per_channel(layer.bias_param)
    return [graph.Affine(**wired, scale=False, bias=True)]


def _per_channel(param: Any) -> None:
    if _get(param, "axis", 1) not in (1, -3) or _get(param, "num_axes", 1) != 1:
        raise Refused("it works along another axis than the channels")


def _activation(how: Any, slope: Callable[[Any], float] = lambda layer: 0.0) -> Callable[[Any, Any], Made]:
    return lambda layer, wired: [graph.Activation(**wired, how=how, slope=slope(layer))]


def _power(layer: Any, wired: Any) -> Made:
    param = layer.power_param
    return [graph.Power(**wired, power=_get(param, "power", 1.0), scale=_get(param, "scale", 1.0), shift=param.shift)]


def _axis(param: Any, old: str) -> int:
    axis = int(_get(param, "axis", _get(param, old, 1)))
    if axis in (0, -4) or not -3 <= axis <= 3:
        raise Refused("it works along the axis of the batch, or one that pictures do not have")
    return axis


def _slice(layer: Any, wired: Any) -> Made:
    axis, points, tops = _axis(layer.slice_param, "slice_dim"), list(layer.slice_param.slice_point), len(layer.top)
    names = [layer.name, *(f"{layer.name}:{number}" for number in range(1, tops))]
    if not points:
        return [graph.Even(name=name, inputs=wired["inputs"], axis=axis, parts=tops, index=number)
                for number, name in enumerate(names)]
    if len(points) != tops - 1:
        raise Refused(f"it has {len(points)} places to cut and {tops} outputs")
    return [graph.Slice(name=name, inputs=wired["inputs"], axis=axis, start=start, stop=stop)
            for name, start, stop in zip(names, [0, *points], [*points, None], strict=True)]


def _combine(layer: Any, wired: Any) -> Made:
    param = layer.eltwise_param
    how: Any = {0: "product", 1: "sum", 2: "largest"}[_get(param, "operation", 1)]
    factors = list(param.coeff) if how == "sum" else []
    if factors and len(factors) != len(wired["inputs"]):
        raise Refused(f"it has {len(factors)} factors for {len(wired['inputs'])} inputs")
    return [graph.Combine(**wired, how=how, factors=factors)]


def _crop(layer: Any, wired: Any) -> Made:
    param = layer.crop_param
    axis = _get(param, "axis", 2)
    if len(wired["inputs"]) != 2 or axis not in (1, 2, 3, -1, -2, -3):
        raise Refused("it needs two inputs, and cuts pictures only")
    if len(param.offset) not in (0, 1, 4 - axis % 4):
        raise Refused(f"it has {len(param.offset)} offsets for {4 - axis % 4} axes")
    return [graph.Crop(**wired, axis=axis, offsets=list(param.offset))]


def _flatten(layer: Any, wired: Any) -> Made:
    if _get(layer.flatten_param, "axis", 1) != 1 or _get(layer.flatten_param, "end_axis", -1) not in (-1, 3):
        raise Refused("it joins other axes than all behind the batch")
    return [graph.Reshape(**wired, sides=[-1])]


def _reshape(layer: Any, wired: Any) -> Made:
    param = layer.reshape_param
    sides = list(param.shape.dim)
    if _get(param, "axis", 0) == 0 and sides[:1] == [0]:
        sides = sides[1:]
    elif _get(param, "axis", 0) != 1:
        raise Refused("it reshapes the batch")
    if _get(param, "num_axes", -1) != -1 or not 1 <= len(sides) <= 3:
        raise Refused("it makes shapes that pictures do not have")
    return [graph.Reshape(**wired, sides=sides)]


def _resize(layer: Any, wired: Any) -> Made:
    param = layer.interp_param
    if param.pad_beg or param.pad_end or _get(param, "shrink_factor", 1) != 1:
        raise Refused("it shrinks or cuts")
    size = (param.height, param.width) if param.height and param.width else None
    return [graph.Resize(**wired, size=size, zoom=_get(param, "zoom_factor", 1))]


def _softmax(layer: Any, wired: Any) -> Made:
    return [graph.Softmax(**wired, axis=_axis(layer.softmax_param, "axis"))]


MAKERS: dict[str, Callable[[Any, Any], Made]] = {
    "Convolution": _convolution, "Deconvolution": lambda layer, wired: _convolution(layer, wired, True),
    "InnerProduct": _dense, "Pooling": _pool, "LRN": _response, "BatchNorm": _batch_norm, "Scale": _scale,
    "Bias": _bias, "Power": _power,
    "ReLU": _activation("relu", lambda layer: layer.relu_param.negative_slope),
    "PReLU": lambda layer, wired: [graph.Activation(**wired, how="prelu", shared=layer.prelu_param.channel_shared)],
    "ELU": _activation("elu", lambda layer: _get(layer.elu_param, "alpha", 1.0)), "Sigmoid": _activation("sigmoid"),
    "TanH": _activation("tanh"), "AbsVal": _activation("abs"), "BNLL": _activation("softplus"), "Softmax": _softmax,
    "Dropout": lambda layer, wired: [graph.Dropout(**wired, share=_get(layer.dropout_param, "dropout_ratio", 0.5))],
    "Concat": lambda layer, wired: [graph.Concat(**wired, axis=_axis(layer.concat_param, "concat_dim"))],
    "Slice": _slice, "Eltwise": _combine, "Crop": _crop, "Flatten": _flatten, "Reshape": _reshape, "Interp": _resize,
}
