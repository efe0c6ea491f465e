"""Tensors on the wire of the Open Inference Protocol: JSON, and the extension that puts bytes behind the JSON."""

import base64
import binascii
import json
import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digits_core.errors import BadData
from digits_core.services.serving import DATATYPES, Tensor

Json = dict[str, Any]
DTYPES = {datatype: np.dtype(name).newbyteorder("<") for name, datatype in DATATYPES.items()}
MOST_NUMBERS = 1 << 28
LARGEST_JSON = 32_000_000
"""Bytes; numbers take many times as much memory once they are read."""
DEEPEST = 8


def parse(body: bytes, header_length: str | None) -> tuple[Json, bytes]:
    """The JSON object of a request and the bytes behind it. Raises BadData."""
    length = len(body)
    if header_length is not None:
        if not header_length.isascii() or not header_length.isdigit() or int(header_length) > length:
            raise BadData(f"Inference-Header-Content-Length is {header_length[:40]!r}, the body has {length} bytes.")
        length = int(header_length)
    if length > LARGEST_JSON:
        raise BadData(f"The JSON of a request may have {LARGEST_JSON / 1e6:.0f} MB; send tensors as bytes behind it.")
    try:
        header = json.loads(body[:length].decode(), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise BadData(f"The request is not JSON: {str(error)[:200]}") from None
    if not isinstance(header, dict):
        raise BadData("The request must be a JSON object with inputs.")
    return header, body[length:]


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not a number")


def inputs(header: Json, behind: bytes) -> dict[str, Tensor]:
    """The tensors of a request: arrays of its shapes, or of BYTES lists of bytes (in JSON base64). Raises BadData."""
    found: dict[str, Tensor] = {}
    at = 0
    for tensor in _objects(header, "inputs"):
        name, shape, size = _name(tensor), _shape(tensor), parameters(tensor).get("binary_data_size")
        if size is None:
            found[name] = _from_json(tensor, name, shape)
            continue
        if type(size) is not int or not 0 <= size <= len(behind) - at:
            raise BadData(f"{name}: binary_data_size is {str(size)[:40]}, but {len(behind) - at} bytes follow.")
        found[name] = _from_bytes(behind[at:at + size], str(tensor.get("datatype")), name, shape)
        at += size
    if at != len(behind):
        raise BadData(f"{len(behind) - at} bytes follow that belong to no input.")
    return found


def requested(header: Json) -> list[Json]:
    """The outputs that are asked for, as {"name", "parameters"}; empty: all."""
    return [{"name": _name(one), "parameters": parameters(one)} for one in _objects(header, "outputs")]


def parameters(part: Json) -> Json:
    """The parameters of a request or tensor. Raises BadData unless they are an object."""
    found = part.get("parameters", {})
    if not isinstance(found, dict):
        raise BadData("parameters must be an object.")
    return found


def _objects(header: Json, key: str) -> list[Json]:
    found = header.get(key, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise BadData(f"{key} must be a list of objects.")
    return found


def _name(tensor: Json) -> str:
    name = tensor.get("name")
    if not isinstance(name, str) or not name:
        raise BadData("Every tensor needs a name.")
    return name


def _shape(tensor: Json) -> list[int]:
    shape = tensor.get("shape")
    good = isinstance(shape, list) and len(shape) <= DEEPEST and all(type(n) is int and n >= 0 for n in shape)
    if not good or math.prod(shape) > MOST_NUMBERS:  # type: ignore[arg-type]  # good: a list of numbers
        raise BadData(f"{_name(tensor)}: {str(shape)[:80]} is no shape; a list of lengths is needed.")
    return shape  # type: ignore[return-value]  # as above


def _from_json(tensor: Json, name: str, shape: list[int]) -> Tensor:
    datatype, data = str(tensor.get("datatype")), tensor.get("data")
    if not isinstance(data, list):
        raise BadData(f"{name} has no data: a list, or binary_data_size in its parameters.")
    if datatype == "BYTES":
        return _checked([_decoded(text, name) for text in data], name, shape)
    try:
        found = np.array(data)
    except (ValueError, OverflowError, RecursionError):
        raise BadData(f"{name}: the rows of data are not of one length.") from None
    dtype = _dtype(datatype, name)
    if found.size and (found.dtype.kind not in ("iu" if dtype.kind == "u" else "iuf") or not _within(found, dtype)):
        raise BadData(f"{name} holds something that is no {datatype}.")
    return _reshaped(found.astype(dtype), name, shape)


def _within(found: NDArray[Any], dtype: np.dtype[Any]) -> bool:
    limits = np.iinfo(dtype) if dtype.kind == "u" else np.finfo(dtype)
    return bool(found.min() >= limits.min and found.max() <= limits.max)


def _decoded(text: object, name: str) -> bytes:
    try:
        return base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError):
        raise BadData(f"{name}: in JSON, BYTES are written in base64.") from None


def _dtype(datatype: str, name: str) -> np.dtype[Any]:
    if datatype not in DTYPES:
        raise BadData(f"{name}: the datatype {datatype[:20]!r} is none of {', '.join(DTYPES)} and BYTES.")
    return DTYPES[datatype]


def _from_bytes(data: bytes, datatype: str, name: str, shape: list[int]) -> Tensor:
    if datatype == "BYTES":
        return _checked(_split(data, name), name, shape)
    dtype = _dtype(datatype, name)
    if len(data) % dtype.itemsize:
        raise BadData(f"{name}: {len(data)} bytes are no row of {datatype}.")
    return _reshaped(np.frombuffer(data, dtype), name, shape)


def _split(data: bytes, name: str) -> list[bytes]:
    """Elements with their length before each, four bytes, the smallest first."""
    found, at = [], 0
    while at < len(data):
        end = at + 4 + (struct.unpack_from("<I", data, at)[0] if at + 4 <= len(data) else 0)
        if not at + 4 <= end <= len(data):
            raise BadData(f"{name}: the lengths of its elements do not fit its bytes.")
        found.append(data[at + 4:end])
        at = end
    return found


def _checked(elements: list[bytes], name: str, shape: list[int]) -> list[bytes]:
    if math.prod(shape) != len(elements):
        raise BadData(f"{name} has {len(elements)} elements; its shape {shape} says {math.prod(shape)}.")
    return elements


def _reshaped(found: NDArray[Any], name: str, shape: list[int]) -> NDArray[Any]:
    if math.prod(shape) != found.size:
        raise BadData(f"{name} has {found.size} numbers; its shape {shape} says {math.prod(shape)}.")
    return found.reshape(shape)


def ranked(found: NDArray[Any], count: int, labels: list[str]) -> Tensor:
    """Of each row (N, K) the largest values, as Triton's classification says them: ``value:number:label``."""
    return [f"{row[k]:f}:{k}:{labels[k]}".encode() for row in found for k in np.argsort(-row, kind="stable")[:count]]


def answer(head: Json, outputs: Mapping[str, tuple[Tensor, list[int]]], binary: Mapping[str, bool]) -> \
        tuple[bytes, int | None]:
    """The body of a response, and how long its JSON is where bytes follow. Each output comes with its shape."""
    behind, told = list[bytes](), list[Json]()
    for name, (tensor, shape) in outputs.items():
        one: Json = {"name": name, "datatype": "BYTES" if isinstance(tensor, list) else DATATYPES[str(tensor.dtype)],
                     "shape": shape}
        if binary[name]:
            behind.append(_packed(tensor))
            one["parameters"] = {"binary_data_size": len(behind[-1])}
        else:
            one["data"] = ([element.decode() for element in tensor] if isinstance(tensor, list)
                           else tensor.ravel().tolist())
        told.append(one)
    text = json.dumps({**head, "outputs": told}, allow_nan=False).encode()
    return b"".join([text, *behind]), len(text) if behind else None


def _packed(tensor: Tensor) -> bytes:
    if isinstance(tensor, list):
        return b"".join(struct.pack("<I", len(element)) + element for element in tensor)
    return tensor.astype(tensor.dtype.newbyteorder("<")).tobytes()
