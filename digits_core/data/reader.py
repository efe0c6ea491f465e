"""Reads samples of a database in a process of its own: a damaged one kills its reader by SIGBUS, never a page.

``python -m digits_core.data.reader`` takes one JSON request on stdin and writes one JSON answer to stdout.
"""

import base64
import json
import resource
import subprocess
import sys
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

import numpy as np

from digits_core.data import child, index
from digits_core.data.pictures import to_png
from digits_core.data.records import Record, Records
from digits_core.errors import BadData, DigitsError

if TYPE_CHECKING:
    from digits_core.data.version_options import Selection

Json = dict[str, Any]
Drawing = tuple[str, str, Json]
"""Names of functions(pixels, target, facts of the dataset) that draw a target into its picture and (target, facts) that
tell it in words, and those facts; empty names where there is no such function."""
LIMIT_S = 30
MEMORY_LIMIT = 4 << 30


def read_samples(database: Path, label: int | None = None, search: str = "", offset: int = 0, limit: int = 24,
                 shorter: tuple[int, int] | None = None, places: list[int] | None = None,
                 drawing: Drawing | None = None) -> Json:
    """``total`` matching records and a page of ``items``: index, label, path, source size and PNG in base64.

    ``search`` is a part of the path, large and small letters alike; ``shorter`` limits the source's shorter side;
    ``places`` asks for these positions instead; ``drawing`` says how their targets are shown. Raises BadData when the
    database is damaged.
    """
    return _ask({"what": "samples", "database": str(database), "label": label, "search": search, "offset": offset,
                 "limit": limit, "shorter": shorter, "places": places, "drawing": drawing})


def read_positions(database: Path, positions: list[int], drawing: Drawing | None = None) -> list[Json]:
    """The records at these positions, as the items of ``read_samples``."""
    found: list[Json] = read_samples(database, places=positions, drawing=drawing)["items"]
    return found


def read_record(database: Path, place: int, drawing: Drawing | None = None) -> Json:
    """One record in full: label, path, encoding, shape, bytes, source, PNG in base64, and statistics by channel.

    Raises BadData when there is none, or the database is damaged.
    """
    return _ask({"what": "record", "database": str(database), "place": place, "drawing": drawing})


def read_paths(database: Path) -> list[str]:
    """Where every picture came from, by position. Raises BadData when the database is damaged."""
    paths: list[str] = _ask({"what": "paths", "database": str(database)})["paths"]
    return paths


def count_selected(database: Path, selection: "Selection", classes: list[int]) -> list[int]:
    """How many pictures of each of these classes the selection holds. Raises BadData when the database is damaged."""
    counts: list[int] = _ask({"what": "selected", "database": str(database), "selection": selection.model_dump(),
                              "classes": classes})["counts"]
    return counts


def _ask(request: Json) -> Json:
    name = Path(request["database"]).name
    process = child.start("digits_core.data.reader", stderr=subprocess.DEVNULL)
    try:
        answer, _ = process.communicate(json.dumps(request).encode(), LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise BadData(f"Reading {name} took longer than {LIMIT_S} s; the disk may be busy.") from None
    if process.returncode != 0:
        raise BadData(f"The database file of {name} is damaged: reading it ended with code "
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
    database = Path(request["database"])
    if request["what"] == "paths":
        return {"paths": index.load(database).paths}
    if request["what"] == "selected":
        return _selected(database, request["selection"], request["classes"])
    return _record(database, request) if request["what"] == "record" else _samples(database, request)


def _samples(database: Path, request: Json) -> Json:
    records = Records(database)
    start, stop = request["offset"], request["offset"] + request["limit"]
    if request["places"] is not None:
        total, rows = len(request["places"]), request["places"]
    elif request["label"] is None and not request["search"] and request["shorter"] is None:
        total, rows = len(records), range(len(records))[start:stop]
    else:
        found = index.load(database).find(request["label"], request["search"], request["shorter"])
        total, rows = len(found), found[start:stop].tolist()
    items = [{"index": place, "label": record.label, "path": record.path, "source": record.source,
              "png": _shown(record, request["drawing"]), "words": _told(record, request["drawing"])}
             for place, record in zip(rows, records.records(rows), strict=True)]
    return {"total": total, "items": items}


def _selected(database: Path, asked: Json, classes: list[int]) -> Json:
    from digits_core.data.selection import places  # options cost half of the time in which a page's pictures are read
    from digits_core.data.version_options import Selection

    facts, selection = index.load(database), Selection.model_validate(asked)
    found = facts.labels[places(selection, database.name.removesuffix(".lmdb"), facts, classes)]
    return {"counts": [int((found == label).sum()) for label in classes]}


def _shown(record: Record, drawing: Drawing | None) -> str:
    """The picture as PNG in base64, with its target drawn into it where there is one."""
    pixels = record.pixels()
    if drawing is not None and drawing[0]:
        pixels = resolve_name(drawing[0])(pixels, record.target and record.target.array(), drawing[2])
    return base64.b64encode(to_png(pixels)).decode()


def _told(record: Record, drawing: Drawing | None) -> str:
    """The target in words; empty where there are none for it."""
    if drawing is None or not drawing[1] or record.target is None:
        return ""
    return str(resolve_name(drawing[1])(record.target.array(), drawing[2]))


def _record(database: Path, request: Json) -> Json:
    place = request["place"]
    record = Records(database).read(place)
    pixels = record.pixels()
    channels = [{"min": int(plane.min()), "max": int(plane.max()), "mean": float(plane.mean()),
                 "std": float(plane.std()), "histogram": np.histogram(plane, 32, (0, 256))[0].tolist()}
                for plane in pixels]
    return {"index": place, "label": record.label, "path": record.path, "encoding": record.encoding,
            "shape": list(record.shape), "bytes": len(record.image), "source": record.source, "channels": channels,
            "png": _shown(record, request["drawing"]), "words": _told(record, request["drawing"])}


if __name__ == "__main__":
    main()
