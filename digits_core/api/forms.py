"""Multipart requests: uploaded files go to disk in pieces, the fields beside them are checked like JSON."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import File, Form, UploadFile

from digits_core.errors import BadData, InvalidOptions, Problem
from digits_core.services import uploads
from digits_core.services.workspace import Workspace

Json = dict[str, Any]

PICTURE_BYTES = 200_000_000
PICTURES = 1000

Upload = Annotated[UploadFile, File()]
Uploads = Annotated[list[UploadFile], File()]
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


@contextmanager
def received(space: Workspace, upload: UploadFile) -> Iterator[Path]:
    """The upload as a file in the jobs folder; what nobody moved away is removed at the end of the block."""
    path = uploads.receive(space, upload.file, upload.filename or "")
    try:
        yield path
    finally:
        uploads.discard(path)


def pictures_of(upload_list: list[UploadFile]) -> list[tuple[str, bytes]]:
    """Names and bytes of uploaded pictures. Raises BadData when there are too many or one is too large."""
    if len(upload_list) > PICTURES:
        raise BadData(f"At most {PICTURES} pictures at once; make a batch of a folder or a list instead.")
    return [(upload.filename or "upload", _bytes(upload)) for upload in upload_list]


def _bytes(upload: UploadFile) -> bytes:
    content = upload.file.read(PICTURE_BYTES + 1)
    if len(content) > PICTURE_BYTES:
        raise BadData(f"{upload.filename!r} is larger than {PICTURE_BYTES / 1e6:.0f} MB, too large for a picture.")
    return content


