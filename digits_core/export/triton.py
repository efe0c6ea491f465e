"""A model as Triton wants it in its repository: one folder with a description, labels and a version. No torch here.

NAME/config.pbtxt, NAME/labels.txt (where classes are told), NAME/VERSION/model.onnx.
"""

from typing import NamedTuple

from digits_core.infer.signature import ANY, Port

CONFIG, LABELS, MODEL = "config.pbtxt", "labels.txt", "model.onnx"
TYPES = {"uint8": "TYPE_UINT8", "float32": "TYPE_FP32"}


class Batching(NamedTuple):
    """How many entries Triton may put together, and how long it waits for them."""

    most: int
    delay_us: int


def config(name: str, taken: Port, given: Port, batching: Batching | None) -> str:
    """The text of config.pbtxt. Without ``batching`` a request is one batch, and every length is in the shapes."""
    head = [f'name: "{name}"', 'platform: "onnxruntime_onnx"', f"max_batch_size: {batching.most if batching else 0}"]
    start = 1 if batching else 0
    labels = f'\n    label_filename: "{LABELS}"' if tells_labels(given) else ""
    tail = [f"dynamic_batching {{\n  max_queue_delay_microseconds: {batching.delay_us}\n}}"] if batching else []
    return "\n".join([*head, _ports("input", taken, start), _ports("output", given, start, labels), *tail]) + "\n"


def tells_labels(given: Port) -> bool:
    """Whether the places of the output are classes with names."""
    return given.name == "probabilities"


def _ports(kind: str, port: Port, start: int, more: str = "") -> str:
    dims = ", ".join(str(length) for length in port.shape[start:])
    return (f'{kind} [\n  {{\n    name: "{port.name}"\n    data_type: {TYPES[port.dtype]}\n    dims: [ {dims} ]{more}'
            "\n  }\n]")


def port(told: dict[str, object]) -> Port:
    """A port as the report of an export has it."""
    shape = told["shape"]
    assert isinstance(shape, list)
    return Port(str(told["name"]), "float32" if told["dtype"] == "float32" else "uint8", tuple(map(int, shape)))


def can_batch(taken: Port) -> bool:
    """Whether the graph takes several entries."""
    return taken.shape[0] == ANY
