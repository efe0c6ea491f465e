"""The command line: the same services, the same words as pages and REST. Works with a server and without one."""

from digits_core.cli import (
    classify,
    compare,
    create,
    embeddings,
    evaluate,
    machine,
    making,
    manage,
    maxima,
    networks,
    search,
    steer,
    tensorboard,
    versions,
    weights,
)
from digits_core.cli.program import app

__all__ = ["app", "classify", "compare", "create", "embeddings", "evaluate", "machine", "main", "making", "manage",
           "maxima", "networks", "search", "steer", "tensorboard", "versions", "weights"]


def main() -> None:
    """Entry of ``python -m digits_core``."""
    app(prog_name="python -m digits_core")
