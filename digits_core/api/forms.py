"""Multipart requests: uploaded files go to disk in pieces, the fields beside them are checked like JSON."""

import io
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import File, Form, UploadFile
from starlette.datastructures import UploadFile as Sent

from digits_core.errors import BadData, InvalidOptions, Problem
from digits_core.services import resumable, uploads
from digits_core.services.workspace import Workspace

Json = dict[str, Any]

AT_ONCE_BYTES = 500_000_000



class Given(UploadFile):
    """An uploaded file, or the words ``upload:ID`` in its place: a resumable upload that has come whole."""

    reference = ""

    @classmethod
    def _validate(cls, given: Any, _: Any) -> Any:
        if not isinstance(given, str) or not given.startswith(resumable.PREFIX):
            return super()._validate(given, _)
        found = cls(io.BytesIO(), filename=given)
        found.reference = given
        return found


Upload = Annotated[Given, File(description="A file, or upload:ID of a finished resumable upload.")]
Uploads = Annotated[list[Given], File(description="Files, or upload:ID of finished resumable uploads.")]
OptionsText = Annotated[str, Form(description="Options as a JSON object.", max_length=1_000_000)]
Words = Annotated[str, Form(max_length=200)]


def options_of(text: str) -> Json:
    """The options that a form field holds. Raises InvalidOptions when that is no JSON object."""
    try:
        value = json.loads(text or "{}", parse_constant=_refuse)
        text.encode()
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise InvalidOptions([Problem("options", f"This is not JSON: {error}")]) from None
    if not isinstance(value, dict):
        raise InvalidOptions([Problem("options", "A JSON object is needed: {\"width\": 28, ...}.")])
    return value


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is not a number")


def reference_of(upload: Sent) -> str:
    """The ``upload:ID`` that stands for the file; empty for a file."""
    return str(getattr(upload, "reference", ""))


@contextmanager
def received(space: Workspace, user: str, upload: Sent) -> Iterator[Path]:
    """The upload as a file in the jobs folder; what nobody moved away is removed at the end of the block.

    A resumable upload stays when the block fails.
    """
    if reference := reference_of(upload):
        with resumable.taken(space, user, reference) as finished:
            yield finished.data
        return
    path = uploads.receive(space, upload.file, upload.filename or "")
    try:
        yield path
    finally:
        uploads.discard(path)


def pictures_of(upload_list: Sequence[Sent]) -> list[tuple[str, bytes]]:
    """Names and bytes of uploaded pictures. Raises BadData when they are too large to be classified at once."""
    if any(map(reference_of, upload_list)):
        raise BadData("Resumable uploads are for batches (POST /api/inferences/upload); send a picture itself.")
    if sum(upload.size or 0 for upload in upload_list) > AT_ONCE_BYTES:
        raise BadData(f"Together these pictures are larger than {AT_ONCE_BYTES / 1e6:.0f} MB; make a batch of them "
                      "instead (POST /api/inferences/upload).")
    return [(upload.filename or "upload", upload.file.read()) for upload in upload_list]


@contextmanager
def stored(space: Workspace, user: str, upload_list: Sequence[Sent]) -> Iterator[list[tuple[str, Path]]]:
    """Names and files of uploads, for a job to take; what it leaves is removed at the end of the block."""
    with ExitStack() as kept:
        yield [(name_of(space, user, upload), kept.enter_context(received(space, user, upload)))
               for upload in upload_list]


def name_of(space: Workspace, user: str, upload: Sent) -> str:
    """What the sender calls the file."""
    reference = reference_of(upload)
    known = resumable.find(space, user, reference.removeprefix(resumable.PREFIX)).name if reference else upload.filename
    return known or "upload"
