"""Asking by the public client of Triton."""

import io
import json
from typing import Any

import numpy as np
import tritonclient.http as client
from PIL import Image

Json = dict[str, Any]


def described(triton: client.InferenceServerClient, name: str) -> tuple[str, list[int], str]:
    """Input, its shape with one entry, and output of a model."""
    about = triton.get_model_metadata(name)
    return (about["inputs"][0]["name"], [1, *about["inputs"][0]["shape"][1:]], about["outputs"][0]["name"])


def asked(triton: client.InferenceServerClient, name: str, entry: Any, outputs: list[str], binary: bool = True,
          version: str = "") -> list[Any]:
    """The outputs for one entry of the model's input: an array, or a file (bytes)."""
    source, _, _ = described(triton, name)
    if isinstance(entry, bytes):
        given = client.InferInput(f"{source}_bytes", [1], "BYTES")
        given.set_data_from_numpy(np.array([entry], object))
    else:
        given = client.InferInput(source, [1, *entry.shape], "UINT8")
        given.set_data_from_numpy(entry[None], binary_data=binary)
    wanted = [client.InferRequestedOutput(output, binary_data=binary) for output in outputs]
    found = triton.infer(name, [given], model_version=version, outputs=wanted)
    return [found.as_numpy(output) for output in outputs]


def agrees(triton: client.InferenceServerClient, name: str, entry: Any, file: bytes, native: Json) -> None:
    """An array, the same as a file, as JSON and as bytes, get the numbers and the words of the native answer."""
    _, shape, output = described(triton, name)
    assert list(entry.shape) == shape[1:]
    numbers, words = asked(triton, name, file, [output, "answer"])
    for binary in (True, False):
        assert np.array_equal(asked(triton, name, entry, [output], binary)[0], numbers)
    assert {**json.loads(words[0]), "image": "", "latency_ms": 0} == {**native, "image": "", "latency_ms": 0}


def file_of(pixels: Any) -> bytes:
    """Pixels (H, W, C) as a PNG."""
    made = io.BytesIO()
    Image.fromarray(pixels.squeeze()).save(made, "PNG")
    return made.getvalue()
