"""Everything a training needs to go on, in one file: safetensors with JSON beside the tensors, checked by a digest."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from digits_core import files
from digits_core.errors import BadData

Json = dict[str, Any]
NO_DIGEST = "0" * 64


class StateFiles:
    """``last.state`` and the one before it, ``previous.state``: at any moment at least one of them is whole."""

    def __init__(self, folder: Path) -> None:
        self.last, self.previous = folder / "last.state", folder / "previous.state"

    def save(self, tensors: dict[str, Tensor], facts: Json) -> None:
        """Replace the last state; durable when this returns."""
        with files.atomic(self.last) as file:
            for part in pack_state(tensors, facts):
                file.write(part)
            file.flush()
            os.fsync(file.fileno())  # the new state is whole before the old one moves
            if self.last.exists():
                self.last.replace(self.previous)

    def load(self) -> tuple[dict[str, Tensor], Json, list[str]]:
        """Tensors and facts of the newest state that is whole, and what was wrong with a newer one.

        Without any: no tensors and no facts.
        """
        problems: list[str] = []
        for path in (self.last, self.previous):
            try:
                return *unpack_state(path.read_bytes()), problems
            except FileNotFoundError:
                continue
            except (BadData, OSError) as error:
                problems.append(f"{path.name}: {error}")
        return {}, {}, problems


def pack_state(tensors: dict[str, Tensor], facts: Json) -> tuple[bytes, memoryview]:
    """Give the file in two parts. The digest covers all of it, with zeros in the digest's own place."""
    # One entry of metadata: the library writes several in any order, and equal states should be equal files.
    words = json.dumps({"facts": facts, "sha256": NO_DIGEST}, allow_nan=False)
    whole = safetensors.torch.save(tensors, {"digits": words})
    end = 8 + int.from_bytes(whole[:8], "little")
    digest = hashlib.sha256(whole).hexdigest()
    return whole[:end].replace(NO_DIGEST.encode(), digest.encode(), 1), memoryview(whole)[end:]


def unpack_state(content: bytes) -> tuple[dict[str, Tensor], Json]:
    """Tensors and facts. Raises BadData when a single bit is not as it was written."""
    end = 8 + int.from_bytes(content[:8], "little")
    try:
        words = json.loads(json.loads(content[8:end])["__metadata__"]["digits"])
        digest, facts = words["sha256"], words["facts"]
        summed = hashlib.sha256(content[:end].replace(digest.encode(), NO_DIGEST.encode(), 1))
        summed.update(memoryview(content)[end:])
        if summed.hexdigest() != digest or not isinstance(facts, dict):
            raise BadData("its digest is wrong: the disk or somebody changed it")
        return safetensors.torch.load(content), facts
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, safetensors.SafetensorError) as error:
        raise BadData(f"it is no training state ({type(error).__name__})") from None
