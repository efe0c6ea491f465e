"""A network before any training, in a process of its own: whether it works, and what it is made of."""

from typing import Any

from digits_core.errors import InvalidOptions, Problem
from digits_core.jobs import confine
from digits_core.jobs.child import answer
from digits_core.networks.anatomy import anatomy, total
from digits_core.networks.build import build_network
from digits_core.networks.custom import CUSTOM, BadNetwork
from digits_core.networks.usercode import lines_named, try_for

Json = dict[str, Any]


def tried(asked: Json) -> Json:
    """From {"network", "source", "values", "input_shape", "classes", "dense", "trial"} to layers, sums and input_shape.

    Raises InvalidOptions when a custom network does not work.
    """
    shape, classes = (*map(int, asked["input_shape"]),), int(asked["classes"])
    assert len(shape) == 3

    def make() -> Any:
        return build_network(asked["network"], shape, classes, asked["source"], asked["values"])

    if asked["network"] != CUSTOM:
        return _described(make(), shape)
    confine.limit(small_files=True)
    try:
        with lines_named():
            try_for(asked["trial"], make, shape, classes, asked["dense"])
            return _described(make(), shape)
    except BadNetwork as error:
        raise InvalidOptions([Problem("network_source", str(error))]) from None


def _described(network: Any, shape: tuple[int, int, int]) -> Json:
    rows = anatomy(network, shape)
    return {"layers": rows, "input_shape": list(shape), **total(network, rows)}


if __name__ == "__main__":
    answer(tried)
