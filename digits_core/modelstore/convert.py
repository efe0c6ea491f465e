"""Files of weights that somebody else made become safetensors, in a process that may do little and is thrown away.

``python -m digits_core.modelstore.convert`` is asked {"file", "target"} and answers {"tensors"} or {"error"}: see
jobs.child, which takes network, other processes and secrets away from it.
"""

import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch

from digits_core.errors import BadData
from digits_core.jobs import child, confine

Json = dict[str, Any]
LIMIT_BYTES, LIMIT_TENSORS = 20_000_000_000, 50_000
INSIDE = ("state_dict", "model_state_dict", "model", "state_dict_ema", "model_ema", "net", "weights")
"""Where training programs keep the weights among other things."""


def read(path: Path) -> dict[str, Any]:
    """The tensors of a file, each whole, finite and of an allowed type. Raises BadData in words; runs nothing of it."""
    with path.open("rb") as file:
        start = file.read(9)
    tensors = _safetensors(path) if start[8:] == b"{" else _inner(_pickled(path, start[:4] == b"PK\x03\x04"))
    _check(tensors)
    return {name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()}


def _safetensors(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = safetensors.torch.load_file(path)
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        raise BadData(f"It is no whole safetensors file: {str(error)[:200]}.") from None
    return found


def _pickled(path: Path, zipped: bool) -> Any:
    if zipped:
        _check_zip(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on old protocols and sparse tensors, which are refused below
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except Exception as error:  # a damaged pickle can fail in any way
        text = str(error)
        if asked := re.search(r"GLOBAL ([\w.]+)", text):
            raise BadData(f"It holds more than weights: it asks for {asked[1]}, which could run anything. Save "
                          "model.state_dict() only, best as safetensors.") from None
        if "TorchScript" in text:
            raise BadData("It is a TorchScript program, not weights. Save model.state_dict().") from None
        # PyTorch's own words advise to load it without the protection
        raise BadData("It cannot be read as weights: it is damaged, or something else. Save model.state_dict(), best "
                      "as safetensors.") from None


def _check_zip(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            total = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise BadData(f"It is damaged: {error}.") from None
    if total > min(LIMIT_BYTES, path.stat().st_size + 1_000_000):
        raise BadData("It is packed far smaller than it is, as no file of weights is: it was made to fill the memory.")


def _inner(value: Any) -> dict[str, Any]:
    for _ in range(2):
        if not isinstance(value, dict) or any(isinstance(entry, torch.Tensor) for entry in value.values()):
            break
        value = next((value[name] for name in INSIDE if isinstance(value.get(name), dict)), value)
    if not isinstance(value, dict) or not any(isinstance(entry, torch.Tensor) for entry in value.values()):
        raise BadData(f"It holds no state dict (tensors by name) but {type(value).__name__}.")
    return dict(value)


def _check(tensors: dict[str, Any]) -> None:
    allowed = {torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.int32, torch.int16,
               torch.uint8, torch.int8, torch.bool}
    if len(tensors) > LIMIT_TENSORS:
        raise BadData(f"It holds {len(tensors)} tensors; at most {LIMIT_TENSORS} are read.")
    total = 0
    for name, tensor in tensors.items():
        shown = repr(name)[:100]
        if not isinstance(name, str) or not isinstance(tensor, torch.Tensor):
            raise BadData(f"Its entry {shown} is no tensor but {type(tensor).__name__}.")
        if tensor.dtype not in allowed or tensor.layout != torch.strided:
            raise BadData(f"Its tensor {shown} is of the kind {tensor.dtype} {tensor.layout}, which is not read.")
        size = tensor.numel() * tensor.element_size()
        total += size
        if size > tensor.untyped_storage().nbytes() or total > LIMIT_BYTES:
            raise BadData(f"Its tensor {shown} says it is larger than what the file holds of it.")
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise BadData(f"Its tensor {shown} holds values that are not numbers (NaN or infinite).")


def convert(question: Json) -> Json:
    """Read ``file``, write ``target``."""
    tensors = read(Path(question["file"]))
    safetensors.torch.save_file(tensors, question["target"])
    return {"tensors": len(tensors)}


if __name__ == "__main__":
    confine.limit()
    child.answer(convert)
