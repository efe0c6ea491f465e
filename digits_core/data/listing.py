"""What is in a database that somebody else made, listed by a process of its own: a hostile one can crash its reader."""

import json
import resource
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from digits_core.data import child
from digits_core.errors import BadData, DigitsError
from digits_core.safe.paths import printable

Json = dict[str, Any]
MEMORY_LIMIT = 4 << 30


class Listed(NamedTuple):
    """What a listing tells about a record."""

    key: str
    label: int
    reason: str = ""
    shape: tuple[int, int, int] = (0, 0, 0)
    numbers: Sequence[float] = ()
    """All its values (or those of its label), where they were asked for."""
    wanted: str = ""
    """The key of its label where that is a picture."""


def asked(module: str, path: Path, tick: Callable[[], None], *how: str) -> Iterator[Listed]:
    """Every record, as ``python -m module path how`` tells it. Raises BadData when it does not come to the end."""
    process = child.start(module, str(path), *how, stderr=subprocess.DEVNULL)
    assert process.stdin is not None and process.stdout is not None
    last: Json = {}
    try:
        for line in process.stdout:
            last = json.loads(line)
            for row in last.get("rows", ()):
                yield Listed(*row)
            tick()  # after the rows: a short look at a slow disk shows them too
    finally:
        process.kill()
        for pipe in (process.stdin, process.stdout):
            pipe.close()
        process.wait()
    if "end" not in last:
        raise BadData(f"The database {printable(str(path))} cannot be used: "
                      + str(last.get("error") or "reading it crashed; it is damaged."))


def answer(rows: Callable[[], Iterable[Listed]], silence_s: int, *errors: type[Exception]) -> None:
    """The whole life of that process: lines of JSON with up to 1000 rows each, the last one an end.

    It ends itself when a thousand rows take longer than ``silence_s`` seconds; ``errors`` are told.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    signal.alarm(silence_s)  # the default action ends this process: a file may lead in a circle
    waiting: list[Listed] = []
    try:
        for row in rows():
            waiting.append(row)
            if len(waiting) == 1000:
                print(json.dumps({"rows": waiting}), flush=True)
                signal.alarm(silence_s)
                waiting = []
        print(json.dumps({"rows": waiting, "end": True}), flush=True)
    except Exception as error:
        if not isinstance(error, (DigitsError, *errors)):
            raise
        print(json.dumps({"error": str(error)}), flush=True)
