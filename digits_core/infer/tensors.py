"""Models as programs see them: arrays in and out, by the names, types and shapes of the signature. No torch here."""

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digits_core.errors import BadData
from digits_core.infer.model_folder import ModelFolder, Prepared, centre
from digits_core.infer.signature import signature

Array = NDArray[Any]


def to_bytes(array: Array) -> bytes:
    """An array as NumPy's file."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def to_text(array: Array) -> str:
    """The same in base64."""
    return base64.b64encode(to_bytes(array)).decode()


def from_text(text: str) -> Array:
    """The array in a text that ``to_text`` made."""
    return from_bytes(base64.b64decode(text))


def from_bytes(data: bytes) -> Array:
    """The array in a file of NumPy. Raises BadData when it is none; never unpickles."""
    try:
        found = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise BadData("is no array of numbers") from error
    if not isinstance(found, np.ndarray):
        raise BadData("is no array of numbers")
    return found


def to_input(model: ModelFolder, data: bytes) -> Prepared:
    """One entry of the signature's input, as ``to_bytes`` packs it, as the network gets it: in its order, cropped.

    Raises BadData unless type, shape and values fit.
    """
    wanted, found = signature(model).input, from_bytes(data)
    if str(found.dtype) != wanted.dtype or found.shape != wanted.shape[1:]:
        raise BadData(f"is {found.dtype} {list(found.shape)}; {wanted.dtype} {list(wanted.shape[1:])} is needed")
    if not np.isfinite(found).all():
        raise BadData("holds values that are not numbers (NaN)")
    if found.ndim == 1:  # a text
        return Prepared(found[None, None], (len(found), 1))
    pixels = np.ascontiguousarray(centre(found.transpose(2, 0, 1), model.preprocessing.crop))
    return Prepared(pixels, (found.shape[1], found.shape[0]))


def to_output(model: ModelFolder, found: Array) -> Array:
    """What the network found about one entry (see infer.answers), as the signature's output has it."""
    if signature(model).output.name != "values":
        return found
    scale = model.preprocessing.details
    own: Array = (found * np.array(scale["std"]) + np.array(scale["mean"])).astype(np.float32)
    return own
