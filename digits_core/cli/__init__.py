"""The command line: the same services, the same words as pages and REST. Works with a server and without one."""

from digits_core.cli import (
    bundles,
    classify,
    compare,
    create,
    databases,
    dataset_files,
    embeddings,
    evaluate,
    exports,
    foreign,
    frames,
    machine,
    making,
    manage,
    maxima,
    networks,
    recipes,
    search,
    serving,
    similarity,
    steer,
    store,
    tensorboard,
    upload,
    versions,
    videos,
    weights,
)
from digits_core.cli.program import app

__all__ = ["app", "bundles", "classify", "compare", "create", "databases", "dataset_files", "embeddings", "evaluate",
           "exports", "foreign", "frames", "machine", "main", "making", "manage", "maxima", "networks", "recipes",
           "search", "serving", "similarity", "steer", "store", "tensorboard", "upload", "versions", "videos",
           "weights"]


def main() -> None:
    """Entry of ``python -m digits_core``."""
    app(prog_name="python -m digits_core")
