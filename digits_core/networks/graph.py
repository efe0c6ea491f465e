"""A network as a list of layers and who feeds whom: data, not code, so one from anywhere can be built without trust.

Models of other programs (Caffe) travel in this form, as the ``values`` of a network called CAFFE. No torch here.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from digits_core.errors import BadData

CAFFE = "caffe"
"""The name of such a network among the others."""
LONGEST, MOST = 2_000_000, 5_000
"""Characters, and layers, of a description."""
PICTURE = "picture"
"""The name under which layers take the network's input."""

Count = Annotated[int, Field(ge=1, le=1_000_000)]
Step = Annotated[int, Field(ge=1, le=10_000)]
Edge = Annotated[int, Field(ge=0, le=10_000)]
Axis = Annotated[int, Field(ge=-3, le=3)]
Steps = tuple[Step, Step]
Edges = tuple[Edge, Edge]
"""Both height first."""


class Part(BaseModel):
    """One layer: its name, and the names of those whose outputs it takes."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    name: str = Field(min_length=1, max_length=300)
    inputs: list[str] = Field(min_length=1, max_length=500)


class Convolution(Part):
    """A convolution; ``transposed`` enlarges."""

    kind: Literal["convolution"] = "convolution"
    outputs: Count
    kernel: Steps
    stride: Steps = (1, 1)
    pad: Edges = (0, 0)
    dilation: Steps = (1, 1)
    groups: Count = 1
    bias: bool = True
    transposed: bool = False


class Dense(Part):
    """A dense layer over all values of a picture."""

    kind: Literal["dense"] = "dense"
    outputs: Count
    bias: bool = True


class Pool(Part):
    """The largest or the average value of each window; ``whole``: one window over everything.

    ``up``: a last window that is partly outside counts, as Caffe rounds.
    """

    kind: Literal["pool"] = "pool"
    how: Literal["largest", "average"]
    kernel: Steps = (1, 1)
    stride: Steps = (1, 1)
    pad: Edges = (0, 0)
    up: bool = True
    whole: bool = False


class Response(Part):
    """Local response normalisation over neighbouring channels, or ``within`` each."""

    kind: Literal["response"] = "response"
    size: Step
    alpha: float
    beta: float
    k: float = 1.0
    within: bool = False


class BatchNorm(Part):
    """Batch normalisation; ``affine``: with scale and shift."""

    kind: Literal["batchnorm"] = "batchnorm"
    eps: float = Field(1e-5, gt=0)
    momentum: float = Field(0.001, ge=0, le=1)
    affine: bool = False


class Affine(Part):
    """A learned factor (``scale``) and summand (``bias``) for each channel."""

    kind: Literal["affine"] = "affine"
    scale: bool = True
    bias: bool = False


class Activation(Part):
    """A function of each value; ``slope`` for values below 0 (relu), of elu its alpha; ``shared``: one for prelu."""

    kind: Literal["activation"] = "activation"
    how: Literal["relu", "prelu", "elu", "sigmoid", "tanh", "abs", "softplus"]
    slope: float = 0.0
    shared: bool = False


class Power(Part):
    """(shift + scale x) ^ power."""

    kind: Literal["power"] = "power"
    power: float = 1.0
    scale: float = 1.0
    shift: float = 0.0


class Softmax(Part):
    """A softmax inside the network; one at its end is left to whoever reads the answers."""

    kind: Literal["softmax"] = "softmax"
    axis: Axis = 1


class Dropout(Part):
    """Leaves out a ``share`` of the values in training."""

    kind: Literal["dropout"] = "dropout"
    share: float = Field(0.5, ge=0, lt=1)


class Concat(Part):
    """Puts its inputs behind each other."""

    kind: Literal["concat"] = "concat"
    axis: Axis = 1


class Combine(Part):
    """Sum (with ``factors`` if there are any), product or maximum of inputs, value by value."""

    kind: Literal["combine"] = "combine"
    how: Literal["sum", "product", "largest"] = "sum"
    factors: list[float] = Field(default_factory=list, max_length=500)


class Crop(Part):
    """Cuts its first input to the size of its second, from ``axis`` on."""

    kind: Literal["crop"] = "crop"
    axis: Axis = 2
    offsets: list[Edge] = Field(default_factory=list, max_length=3)


class Slice(Part):
    """What lies from ``start`` to before ``stop`` along an axis."""

    kind: Literal["slice"] = "slice"
    axis: Axis = 1
    start: Annotated[int, Field(ge=0)] = 0
    stop: Count | None = None


class Even(Part):
    """One of ``parts`` equal parts along an axis, counted from 0."""

    kind: Literal["even"] = "even"
    axis: Axis = 1
    parts: Step
    index: Edge


class Reshape(Part):
    """Other sides, without that of the batch: 0 as before, -1 what is left."""

    kind: Literal["reshape"] = "reshape"
    sides: list[Annotated[int, Field(ge=-1, le=10_000_000)]] = Field(min_length=1, max_length=3)


class Resize(Part):
    """Bilinear enlarging with corners on corners: to a size, or (each side - 1) * zoom + 1."""

    kind: Literal["resize"] = "resize"
    size: Steps | None = None
    zoom: Step = 1


class Flip(Part):
    """Channels in reverse order."""

    kind: Literal["flip"] = "flip"


AnyPart = Annotated[Convolution | Dense | Pool | Response | BatchNorm | Affine | Activation | Power | Softmax | Dropout
                    | Concat | Combine | Crop | Slice | Even | Reshape | Resize | Flip, Field(discriminator="kind")]


class Graph(BaseModel):
    """A whole network, its layers in an order in which each has its inputs before it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    v: Literal[1] = 1
    origin: Literal["caffe"] = "caffe"
    size: Steps
    """Height and width of the pictures that it was made for."""
    dense: bool = False
    """Whether it answers for every pixel."""
    classes: Count
    layers: list[AnyPart] = Field(min_length=1, max_length=MOST)
    output: str

    @model_validator(mode="after")
    def _wired(self) -> "Graph":
        known = {PICTURE}
        for part in self.layers:
            if part.name in known:
                raise ValueError(f"two layers are called {part.name[:60]!r}")
            if lost := [name for name in part.inputs if name not in known]:
                raise ValueError(f"{part.name[:60]!r} takes {lost[0][:60]!r}, which no layer before it gives")
            known.add(part.name)
        if self.output not in known - {PICTURE}:
            raise ValueError(f"the output {self.output[:60]!r} is no layer")
        return self

    def text(self) -> str:
        """The description as it is stored; ``read`` reads it."""
        return self.model_dump_json()


def read(values: str) -> Graph:
    """The network that ``values`` describe. Raises BadData in words."""
    if not values.strip():
        raise BadData("The network's description is missing: choose the imported model to start from.")
    if len(values) > LONGEST:
        raise BadData(f"The description of the network has {len(values):,} characters; at most {LONGEST:,} are read.")
    try:
        return Graph.model_validate_json(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"][:6]))
        raise BadData(f"The description of the network is damaged: {where or 'content'}: {first['msg']}.") from None


def for_classes(graph: Graph, classes: int) -> Graph:
    """The network with so many outputs: layers that carry one value a class are widened or narrowed.

    From the output back: convolutions and dense layers end the search, those that enlarge class by class are changed
    and passed.
    """
    if classes == graph.classes:
        return graph
    parts: dict[str, Any] = {part.name: part for part in graph.layers}
    waiting, changed = [graph.output], set[str]()
    while waiting:
        name = waiting.pop()
        if name in changed or name == PICTURE:
            continue
        changed.add(name)
        part = parts[name]
        if isinstance(part, Convolution | Dense):
            update: dict[str, Any] = {"outputs": classes}
            if isinstance(part, Convolution) and part.groups == graph.classes > 1:
                update["groups"] = classes
            parts[name] = part.model_copy(update=update)
        if isinstance(part, Dense) or (isinstance(part, Convolution) and not part.transposed):
            continue
        waiting += part.inputs[:1] if isinstance(part, Crop) else part.inputs
    return graph.model_copy(update={"classes": classes, "layers": [parts[part.name] for part in graph.layers]})
