"""Resumable uploads by the TUS protocol 1.0.0 (tus.io): core, creation, termination, expiration, checksum.

Any TUS client works with it. The bytes go from the socket to the disk, a megabyte at a time.
"""

import base64
from email.utils import formatdate
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from digits_core.api.described import refusals
from digits_core.api.request import Named, Space
from digits_core.services import resumable
from digits_core.services.resumable import CHECKSUMS, Upload, Writer

Json = dict[str, Any]
VERSION = {"Tus-Resumable": "1.0.0"}
PIECE = 1 << 20
CONTENT = "application/offset+octet-stream"

router = APIRouter(tags=["uploads"])


def _spoken(user: Named, tus_resumable: Annotated[str, Header(description="1.0.0")] = "") -> str:
    """The caller's name, once we know that both mean the same protocol."""
    if tus_resumable != VERSION["Tus-Resumable"]:
        raise HTTPException(412, "Send the header Tus-Resumable: 1.0.0.", {"Tus-Version": "1.0.0", **VERSION})
    return user


Spoken = Annotated[str, Depends(_spoken)]
Number = Annotated[int, Header(ge=0, le=2**53)]
UploadId = Annotated[str, Path(max_length=64)]


@router.options("/uploads", include_in_schema=False)
def abilities(space: Space) -> Response:
    """What this server can do."""
    return Response(status_code=204, headers={
        **VERSION, "Tus-Version": "1.0.0", "Tus-Extension": "creation,termination,expiration,checksum",
        "Tus-Max-Size": str(resumable.most_bytes(space)), "Tus-Checksum-Algorithm": ",".join(CHECKSUMS)})


@router.get("/uploads")
def uploads(space: Space, user: Named) -> list[Json]:
    """Your uploads, the newest first; ``upload`` is what stands for a finished one wherever a file is uploaded."""
    return [one.describe() for one in resumable.of_user(space, user)]


@router.post("/uploads", status_code=201, response_class=Response, responses=refusals(412, 413))
def create(request: Request, space: Space, user: Spoken, upload_length: Number,
           upload_metadata: Annotated[str, Header(max_length=4000, description="filename in Base64 (TUS).")] = ""
           ) -> Response:
    """Begin an upload; the header Location of the answer is where PATCH sends its bytes to."""
    upload = resumable.create(space, user, upload_length, upload_metadata)
    place = f"{request.scope.get('root_path', '')}/uploads/{upload.id}"
    return Response(status_code=201, headers={**_headers(upload), "Location": place})


@router.head("/uploads/{upload_id}", include_in_schema=False)
def offset(upload_id: UploadId, space: Space, user: Spoken) -> Response:
    """How much has come."""
    upload = resumable.find(space, user, upload_id)
    more = {"Upload-Metadata": upload.metadata} if upload.metadata else {}
    return Response(headers={**_headers(upload), "Upload-Length": str(upload.length), "Cache-Control": "no-store",
                             **more})


@router.patch("/uploads/{upload_id}", status_code=204, responses=refusals(412, 413, 415, 460))
async def append(upload_id: UploadId, request: Request, space: Space, user: Spoken, upload_offset: Number,
                 content_type: Annotated[str, Header(description=CONTENT)] = "",
                 content_length: Annotated[int | None, Header(ge=0)] = None,
                 upload_checksum: Annotated[str, Header(max_length=200, description="sha256 BASE64")] = "") -> Response:
    """Append the body from ``Upload-Offset`` on. What came before a connection broke is kept."""
    if content_type != CONTENT:
        raise HTTPException(415, f"Send the bytes as {CONTENT}.")
    checksum = _checksum(upload_checksum)
    writer, turn = await run_in_threadpool(resumable.begin, space, user, upload_id, upload_offset, content_length,
                                           checksum)
    try:
        await _stream(request, writer)
        end = await run_in_threadpool(writer.finish)
    finally:
        await run_in_threadpool(writer.close)
        turn.end()
    return Response(status_code=204, headers=_headers(writer.upload._replace(offset=end)))


@router.delete("/uploads/{upload_id}", status_code=204)
def remove(upload_id: UploadId, space: Space, user: Named) -> Response:
    """Delete an upload, finished or not."""
    resumable.remove(space, user, upload_id)
    return Response(status_code=204, headers=VERSION)


async def _stream(request: Request, writer: Writer) -> None:
    """From the socket to the disk; a client that goes away loses nothing that came."""
    waiting = bytearray()
    try:
        async for piece in request.stream():
            waiting += piece
            if len(waiting) >= PIECE:
                await run_in_threadpool(writer.write, bytes(waiting))
                waiting.clear()
    except ClientDisconnect:
        pass  # nobody reads the answer
    if waiting:
        await run_in_threadpool(writer.write, bytes(waiting))


def _headers(upload: Upload) -> dict[str, str]:
    return {**VERSION, "Upload-Offset": str(upload.offset), "Upload-Expires": formatdate(upload.expires, usegmt=True)}


def _checksum(text: str) -> tuple[str, bytes] | None:
    if not text:
        return None
    kind, _, digest = text.partition(" ")
    try:
        found = base64.b64decode(digest, validate=True)
    except ValueError:
        found = b""
    if kind not in CHECKSUMS or not found:
        raise HTTPException(400, f"Upload-Checksum: one of {', '.join(CHECKSUMS)}, a blank, the digest in Base64.")
    return kind, found
