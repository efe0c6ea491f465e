"""Reads samples of a database in a process of its own: a damaged one kills its reader by SIGBUS, never a page.

``python -m digits_core.data.reader`` takes one JSON request on stdin and writes one JSON answer to stdout.
"""

import base64
import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

from digits_core.data import child
from digits_core.data.pictures import to_png
from digits_core.data.records import Records
from digits_core.errors import BadData, DigitsError

Json = dict[str, Any]
LIMIT_S = 30
MEMORY_LIMIT = 4 << 30


def read_samples(database: Path, label: int | None = None, search: str = "", offset: int = 0, limit: int = 24) -> Json:
    """``total`` matching records and a page of ``items``: index, label, path and PNG in base64.

    ``search`` is a part of the path, large and small letters alike. Raises BadData when the database is damaged.
    """
    return _asked(database, {"label": label, "search": search, "offset": offset, "limit": limit})


def read_positions(database: Path, positions: list[int]) -> list[Json]:
    """The records at these positions, as the items of ``read_samples``."""
    found: list[Json] = _asked(database, {"positions": positions})["items"]
    return found


def _asked(database: Path, request: Json) -> Json:
    request = {"database": str(database), **request}
    process = child.start("digits_core.data.reader", stderr=subprocess.DEVNULL)
    try:
        answer, _ = process.communicate(json.dumps(request).encode(), LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise BadData(f"Reading {database.name} took longer than {LIMIT_S} s; the disk may be busy.") from None
    if process.returncode != 0:
        raise BadData(f"The database file of {database.name} is damaged: reading it ended with code "
                      f"{process.returncode}. Build the dataset again.")
    value: Json = json.loads(answer)
    if "error" in value:
        raise BadData(value["error"])
    return value


def main() -> None:
    """Answer one request."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    request = json.loads(sys.stdin.buffer.read())
    try:
        answer = _answer(request)
    except DigitsError as error:
        answer = {"error": str(error)}
    sys.stdout.write(json.dumps(answer))


def _answer(request: Json) -> Json:
    records = Records(Path(request["database"]))
    if "positions" in request:
        return {"items": _items(records, request["positions"])}
    start, stop = request["offset"], request["offset"] + request["limit"]
    if request["label"] is None and not request["search"]:
        total, places = len(records), list(range(len(records)))[start:stop]
    else:
        found = [place for place, (label, path) in enumerate(records.headers())
                 if request["label"] in (None, label) and request["search"].lower() in path.lower()]
        total, places = len(found), found[start:stop]
    return {"total": total, "items": _items(records, places)}


def _items(records: Records, places: list[int]) -> list[Json]:
    return [{"index": place, "label": record.label, "path": record.path,
             "png": base64.b64encode(to_png(record.pixels())).decode()}
            for place, record in zip(places, records.records(places), strict=True)]


if __name__ == "__main__":
    main()
