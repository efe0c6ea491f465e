"""What client and inference process say to each other: one JSON header and the pictures' bytes behind it."""

import json
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from digits_core import errors
from digits_core.errors import BadData, DigitsError

Json = dict[str, Any]
Image = tuple[str, bytes]

LARGEST = 1_000_000_000
"""Bytes of one request."""
CHUNK_PICTURES = 64
CHUNK_BYTES = 32_000_000


class Question(NamedTuple):
    """Which labels do these pictures have? ``file`` is the name of the checkpoint's weights.

    ``look`` asks to look inside as well: {"layers": bool, "colormap", "methods", "label"}. Without a picture:
    what are the weights? Then ``look`` is {"colormap"}.
    """

    model: str
    file: str
    top: int
    images: list[Image]
    look: Json | None = None
    embed: bool = False
    """Whether each answer brings the picture's features along."""
    whole: bool = False
    """Whether pictures are asked about in their own size."""
    make: Json | None = None
    """What shall be made, perhaps from the pictures, see services.making."""
    pixels: bool = False
    """Whether the "pictures" are arrays, see infer.tensors."""
    raw: bool = False
    """Whether each answer brings its numbers along as an "array"; with ``top`` 0 it brings nothing else."""


def folder_of(jobs_dir: Path) -> Path:
    """Where the inference process of a jobs folder keeps its record and its log."""
    return jobs_dir / ".inference"


def record_of(jobs_dir: Path, own: str = "") -> Path:
    """The file that says which process serves, and on which socket; ``own`` is the model that has one to itself."""
    return folder_of(jobs_dir) / (f"{own}.json" if own else "server.json")


def log_of(jobs_dir: Path, own: str = "") -> Path:
    """What the inference process printed; capped."""
    return folder_of(jobs_dir) / (f"{own}.txt" if own else "log.txt")


def pack(question: Question) -> bytes:
    """A request's body."""
    header = {"model": question.model, "file": question.file, "top": question.top, "look": question.look,
              "embed": question.embed, "whole": question.whole, "make": question.make,
              "pixels": question.pixels, "raw": question.raw,
              "images": [[name, len(data)] for name, data in question.images]}
    text = json.dumps(header).encode()  # ASCII: names that are no valid UTF-8 travel as escapes
    return b"".join([struct.pack(">I", len(text)), text, *(data for _, data in question.images)])


def unpack(body: bytes) -> Question:
    """The question in a request's body. Raises BadData when it is none."""
    try:
        size = struct.unpack_from(">I", body)[0]
        header = json.loads(body[4:4 + size])
        images, at = [], 4 + size
        for name, length in header["images"]:
            images.append((str(name), body[at:at + int(length)]))
            at += int(length)
        question = Question(str(header["model"]), str(header["file"]), int(header["top"]), images,
                            header.get("look"), bool(header.get("embed")), bool(header.get("whole")),
                            header.get("make"), bool(header.get("pixels")), bool(header.get("raw")))
    except (struct.error, ValueError, KeyError, TypeError) as error:
        raise BadData("The inference process got a request that it does not understand.") from error
    if at != len(body):
        raise BadData("The inference process got a request of the wrong length.")
    return question


def chunks(images: Sequence[Image]) -> Iterator[list[Image]]:
    """The pictures in pieces that are small enough for one request."""
    piece: list[Image] = []
    size = 0
    for image in images:
        if piece and (len(piece) >= CHUNK_PICTURES or size + len(image[1]) > CHUNK_BYTES):
            yield piece
            piece, size = [], 0
        piece.append(image)
        size += len(image[1])
    if piece:
        yield piece


def to_error(answer: Json) -> DigitsError:
    """The error that an answer describes, of its own class where that is one of ours."""
    kind = getattr(errors, str(answer.get("type")), DigitsError)
    text = str(answer.get("text") or "The inference process reported an error without words.")
    if isinstance(kind, type) and issubclass(kind, DigitsError) and kind is not errors.InvalidOptions:
        return kind(text)
    return DigitsError(text)
