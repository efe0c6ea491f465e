"""What answers need beside a network: examples to compare with, thresholds. No torch here.

reference.safetensors holds arrays by name; it belongs to the weights whose sha256 it names.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from digits_core import files
from digits_core.errors import BadData

FILE = "reference.safetensors"
LARGEST = 64_000_000
"""Bytes that are believed."""
Arrays = dict[str, NDArray[Any]]


def write(folder: Path, arrays: Mapping[str, NDArray[Any]], sha256: str) -> None:
    """Leave the arrays in a model folder."""
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    files.write_atomic(folder / FILE, safetensors.numpy.save(whole, {"sha256": sha256}))


def read(folder: Path, sha256: str) -> Arrays:
    """The arrays; none when there is no file, or it belongs to other weights. Raises BadData when it is damaged."""
    path = folder / FILE
    if not path.is_file():
        return {}
    if path.stat().st_size > LARGEST:
        raise BadData(f"{FILE} is damaged: {path.stat().st_size / 1e6:.0f} MB is far too long.")
    try:
        with safetensors.safe_open(path, "np") as file:
            if (file.metadata() or {}).get("sha256") != sha256:
                return {}
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
        raise BadData(f"{FILE} is damaged: {error}.") from error
