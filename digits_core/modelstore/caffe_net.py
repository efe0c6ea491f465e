"""From a .prototxt to a described network: what is left out, what goes where, and every layer that cannot be taken."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pydantic import ValidationError

from digits_core.errors import BadData
from digits_core.modelstore.caffe_layers import Refused, parts_of
from digits_core.modelstore.caffe_schema import OLD_TYPES, new
from digits_core.networks import graph

DATA = ("Data", "ImageData", "HDF5Data", "MemoryData", "DummyData", "WindowData", "Input", "AnnotatedData")
ENDS = ("SoftmaxWithLoss", "SoftmaxLoss", "EuclideanLoss", "SigmoidCrossEntropyLoss", "HingeLoss", "InfogainLoss",
        "MultinomialLogisticLoss", "ContrastiveLoss", "Accuracy", "ArgMax", "Silence", "HDF5Output")
"""Layers that only measure or write; the first input of a loss is what the network answers."""
STAGE, TEST = "deploy", 1
SHOWN = 40


class Layer(NamedTuple):
    """One layer that counts, in the form that files have had since 2015."""

    kind: str
    about: Any


@dataclass
class Net:
    """What was understood of a definition."""

    parts: list[Any] = field(default_factory=list)
    output: str = ""
    sides: tuple[int, ...] = ()
    """Channels, height and width of the input, as far as the definition says them."""
    layers: dict[str, Layer] = field(default_factory=dict)
    """Of each part with weights, the layer that brings them."""
    behind: dict[str, Layer] = field(default_factory=dict)
    """Of a batch normalisation, the layer behind it whose factors became its own."""
    scale: float = 1.0
    crop: int = 0
    means: list[float] = field(default_factory=list)
    """What the data layer does to pictures: factor, crop, a mean value for each channel (BGR) or for all."""


def layers_of(net: Any) -> list[Layer]:
    """The layers of a network in use. Raises BadData for a form that is too old."""
    if net.layers and not any(layer.name for layer in net.layers):
        raise BadData("The definition is in the form of 2013, which is not read. Caffe's upgrade_net_proto_text "
                      "makes a newer one.")
    found = []
    for layer in [_upgraded(old) for old in net.layers] or net.layer:
        if _counts(layer):
            found.append(Layer(layer.type, layer))
    return found


def _upgraded(old: Any) -> Any:
    layer = new("Layer")
    for descriptor, value in old.ListFields():
        if descriptor.name == "type":
            layer.type = OLD_TYPES.get(descriptor.enum_type.values_by_number[value].name, "")
        elif isinstance(value, str):
            setattr(layer, descriptor.name, value)
        elif hasattr(value, "CopyFrom"):
            getattr(layer, descriptor.name).CopyFrom(value)
        else:
            getattr(layer, descriptor.name).extend(value)
    return layer


def _counts(layer: Any) -> bool:
    """Whether a layer is there when the network is in use: phase TEST, stage "deploy" as DIGITS names it."""
    if layer.include:
        return any(map(_meets, layer.include))
    return not any(map(_meets, layer.exclude))


def _meets(rule: Any) -> bool:
    return ((not rule.HasField("phase") or rule.phase == TEST) and set(rule.stage) <= {STAGE}
            and STAGE not in rule.not_stage and rule.min_level <= 0
            and (not rule.HasField("max_level") or rule.max_level >= 0))


def understood(net: Any) -> Net:
    """The network, its layers wired up to one output. Raises BadData naming all layers that cannot be taken over."""
    if len(layers_of(net)) > graph.MOST:
        raise BadData(f"The network has {len(layers_of(net)):,} layers; at most {graph.MOST:,} are taken over.")
    return _Reader(net).read()


class _Reader:
    """Follows blobs through the layers: ``blobs`` has, of each name as it is now, the part that wrote it."""

    def __init__(self, net: Any) -> None:
        self.found, self.net, self.layers = Net(), net, layers_of(net)
        self.blobs: dict[str, str] = {}
        self.refused: dict[str, str] = {}
        self.answers: list[str] = []
        self.silent = set[str]()
        self.parts: dict[str, Any] = {}

    def read(self) -> Net:
        self._inputs()
        for layer in self.layers:
            self._read(layer)
        self.found.output = self._output()
        self._prune()
        _merge(self.found)
        return self.found

    def _inputs(self) -> None:
        shapes = [list(shape.dim) for shape in self.net.input_shape]
        shapes += [list(self.net.input_dim[at:at + 4]) for at in range(0, len(self.net.input_dim), 4)]
        for name, dims in zip(self.net.input, shapes + [[]] * len(self.net.input), strict=False):
            self._input(name, dims)

    def _input(self, name: str, dims: list[int]) -> None:
        if graph.PICTURE not in self.blobs.values():
            self.blobs[name] = graph.PICTURE
            if len(dims) == 4:
                self.found.sides = tuple(dims[1:])

    def _read(self, layer: Layer) -> None:
        about, kind = layer.about, layer.kind
        if kind in DATA or (kind == "Python" and not about.bottom):
            self._data(layer)
        elif kind in ENDS:
            if kind == "Silence":
                self.silent |= {self._source(blob) for blob in about.bottom}
            elif "Loss" in kind and about.bottom:
                self.answers.append(self.blobs.get(about.bottom[0], ""))
        elif kind == "Split":
            for top in about.top:
                self.blobs[top] = self._source(about.bottom[0] if about.bottom else "")
        else:
            self._layer(layer)

    def _data(self, layer: Layer) -> None:
        about = layer.about
        for number, top in enumerate(about.top[:1] if layer.kind != "Input" else about.top):
            shapes = about.input_param.shape
            self._input(top, list(shapes[min(number, len(shapes) - 1)].dim) if shapes else [])
        steps = about.transform_param
        self.found.scale = steps.scale if steps.HasField("scale") else 1.0
        self.found.crop, self.found.means = steps.crop_size, list(steps.mean_value)

    def _source(self, blob: str) -> str:
        """The part behind a blob; the first that nobody writes is the picture, as where DIGITS adds the input."""
        if blob not in self.blobs:
            self._input(blob, [])
        return self.blobs.get(blob, "")

    def _layer(self, layer: Layer) -> None:
        about, name = layer.about, layer.about.name
        inputs = [self._source(blob) for blob in about.bottom]
        made = []
        try:
            if name in self.parts or name == graph.PICTURE:
                raise Refused("there are two layers of this name")
            if "" in inputs:
                raise Refused(f"its input {about.bottom[inputs.index('')][:60]!r} comes from nowhere")
            made = parts_of(about, layer.kind, inputs)
        except Refused as reason:
            self.refused[name] = f"{name[:80]!r} ({layer.kind[:40]}): {reason}"
        except ValidationError as error:
            first = error.errors()[0]
            self.refused[name] = (f"{name[:80]!r} ({layer.kind}): {'.'.join(map(str, first['loc'][:1]))}: "
                                  f"{first['msg'][:100]}")
        if not made:
            made = [_Stub(name, inputs)]
        self.parts |= {part.name: part for part in made}
        self.found.layers[name] = layer
        for number, top in enumerate(about.top):
            self.blobs[top] = made[min(number, len(made) - 1)].name

    def _output(self) -> str:
        """The one part whose output nobody takes, or that the last loss takes; a softmax there is left out."""
        taken = self.silent | {name for part in self.parts.values() for name in part.inputs}
        ends = [name for name in self.parts if name not in taken]
        answers = [name for name in self.answers if name in self.parts]
        found = answers[-1:] or ends
        if len(found) != 1:
            raise BadData("The definition has no layers that can be used." if not found else
                          f"The network has {len(found)} outputs ({', '.join(map(repr, found[:8]))[:300]}); "
                          "one is needed.")
        last = found[0]
        while isinstance(self.parts[last], graph.Softmax) and self.parts[last].inputs[0] in self.parts:
            last = self.parts[last].inputs[0]
        return last

    def _prune(self) -> None:
        """Keep what the output needs. Raises BadData naming, of that, all that was refused."""
        needed, waiting = set[str](), [self.found.output]
        while waiting:
            name = waiting.pop()
            if name not in needed and name in self.parts:
                needed.add(name)
                waiting += self.parts[name].inputs
        refused = [text for name, text in self.refused.items() if name in needed]
        if refused:
            more = f"; and {len(refused) - SHOWN} more" if len(refused) > SHOWN else ""
            one = len(refused) == 1
            raise BadData(f"{len(refused)} layer{'' if one else 's'} of the network cannot be taken over: "
                          f"{'; '.join(refused[:SHOWN])}{more}.")
        self.found.parts = [part for name, part in self.parts.items() if name in needed]
        if not any(graph.PICTURE in part.inputs for part in self.found.parts):
            raise BadData("The network's output does not depend on the picture.")


class _Stub(NamedTuple):
    """The place of a layer that was refused."""

    name: str
    inputs: list[str]


def _merge(net: Net) -> None:
    """Let a factor and summand behind a batch normalisation be part of it, as PyTorch has it."""
    users: dict[str, list[Any]] = {}
    for part in net.parts:
        for name in part.inputs:
            users.setdefault(name, []).append(part)
    for part in list(net.parts):
        after = users.get(part.name, [])
        if not isinstance(part, graph.BatchNorm) or part.affine or len(after) != 1 or part.name == net.output:
            continue
        if isinstance(after[0], graph.Affine) and after[0].scale:
            _absorb(net, part, after[0])


def _absorb(net: Net, norm: Any, affine: Any) -> None:
    """The normalisation takes the name of the layer behind it out of the network."""
    net.parts[net.parts.index(norm)] = norm.model_copy(update={"affine": True})
    net.parts.remove(affine)
    net.behind[norm.name] = net.layers[affine.name]
    for number, part in enumerate(net.parts):
        if affine.name in part.inputs:
            inputs = [norm.name if name == affine.name else name for name in part.inputs]
            net.parts[number] = part.model_copy(update={"inputs": inputs})
    net.output = norm.name if net.output == affine.name else net.output
