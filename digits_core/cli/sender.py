"""Sends one file to a server by TUS, a piece at a time; what broke is tried again."""

import base64
import hashlib
import time
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from digits_core.errors import BadData, DigitsError

Json = dict[str, Any]
PIECE = 16 << 20
"""Bytes of a request: each has its checksum."""
TRIES = 10
"""Failures in a row until it is given up; a minute and a half together."""


class Broken(DigitsError):
    """The server did not take a piece; it may take it the next time."""


def send(file: Path, server: str, user: str) -> Json:
    """Bring the file to the server at this address; what the server says of the upload. Raises DigitsError."""
    with httpx.Client(base_url=f"{server.rstrip('/')}/api/", timeout=120, headers={
            "X-Digits-User": user, "Tus-Resumable": "1.0.0"}) as client:
        return Sender(client, file).send()


class Sender:
    """One file on its way. Raises DigitsError with the server's words."""

    def __init__(self, client: httpx.Client, file: Path) -> None:
        self.client, self.file, self.size = client, file, file.stat().st_size
        self.metadata = (f"filename {_base64(file.name.encode('utf-8', 'replace'))},"
                         f"fingerprint {_base64(fingerprint(file))}")

    def send(self) -> Json:
        """All of it; the server's description of the upload."""
        known = self._known() or self._create()
        with Progress(BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(),
                      console=Console(stderr=True)) as progress, self.file.open("rb") as file:
            bar = progress.add_task("", total=self.size, completed=known["offset"])
            offset, failures = int(known["offset"]), 0
            while offset < self.size:
                file.seek(offset)
                try:
                    offset, failures = self._piece(known["id"], offset, file.read(PIECE)), 0
                except (Broken, httpx.TransportError) as error:
                    failures += 1
                    offset = self._again(known["id"], offset, failures, error)
                progress.update(bar, completed=offset)
        return {**known, "offset": self.size, "finished": True}

    def _again(self, upload_id: str, offset: int, failures: int, error: Exception) -> int:
        """Wait a little longer each time, then ask how much has come."""
        if failures > TRIES:
            raise BadData(f"The server does not take it ({error or type(error).__name__}). Run the command again, and "
                          "it goes on.") from None
        time.sleep(min(15, 0.2 * 2**failures))
        try:
            return int(self._asked("HEAD", f"uploads/{upload_id}").headers["Upload-Offset"])
        except (Broken, httpx.TransportError):
            return offset

    def _known(self) -> Json | None:
        """What an earlier run began with this very file."""
        found: list[Json] = self._first("GET", "uploads").json()
        return next((one for one in found if one["metadata"] == self.metadata and one["length"] == self.size), None)

    def _create(self) -> Json:
        self._first("POST", "uploads", headers={"Upload-Length": str(self.size), "Upload-Metadata": self.metadata})
        return self._known() or {}

    def _piece(self, upload_id: str, offset: int, piece: bytes) -> int:
        answer = self._asked("PATCH", f"uploads/{upload_id}", content=piece, headers={
            "Content-Type": "application/offset+octet-stream", "Upload-Offset": str(offset),
            "Upload-Checksum": f"sha256 {_base64(hashlib.sha256(piece).digest())}"})
        return int(answer.headers["Upload-Offset"])

    def _first(self, method: str, path: str, **words: Any) -> httpx.Response:
        try:
            return self._asked(method, path, **words)
        except (Broken, httpx.HTTPError, httpx.InvalidURL) as error:
            raise BadData(f"The server at {self.client.base_url.host or 'this address'} cannot be asked: "
                          f"{error or type(error).__name__}.") from None

    def _asked(self, method: str, path: str, **words: Any) -> httpx.Response:
        answer = self.client.request(method, path, **words)
        if answer.status_code in (409, 460) or answer.status_code >= 500:
            raise Broken(f"status {answer.status_code}")
        if answer.is_error:
            raise BadData(_words(answer))
        return answer


def fingerprint(file: Path) -> bytes:
    """The same for the same file: its name, size, time, beginning and end; not all of many GB."""
    facts = file.stat()
    found = hashlib.sha256(f"{file.resolve()}\0{facts.st_size}\0{facts.st_mtime_ns}".encode("utf-8", "replace"))
    with file.open("rb") as content:
        found.update(content.read(1 << 20))
        content.seek(max(0, facts.st_size - (1 << 20)))
        found.update(content.read(1 << 20))
    return found.digest()


def _words(answer: httpx.Response) -> str:
    try:
        return f"The server says: {answer.json()['error']['message']}"
    except (ValueError, LookupError, TypeError):
        return f"The server answers with status {answer.status_code}. Is that the address of a DIGITS server?"


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
