"""Text lists of pictures: ``path label`` or ``path<TAB>label``, one a line; the path may be an http(s) address."""

import codecs
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from digits_core.data.entries import Entries
from digits_core.errors import BadData
from digits_core.safe.paths import is_url, printable

LINE_LIMIT = 16_384
LABEL_LIMIT = 100_000
SHOWN = 20


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number and text of every line that is not blank; UTF-8 (with or without mark) or UTF-16 with its mark.

    Line ends may be LF, CRLF or CR. Bytes that are no UTF-8 survive as surrogates, so file names stay exact.
    """
    try:
        with path.open("rb") as raw:
            start = raw.read(4)
        utf16 = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        with path.open(encoding="utf-16" if utf16 else "utf-8-sig", errors="surrogateescape") as file:
            number = 0
            while text := file.readline(LINE_LIMIT):
                number += 1
                if len(text) == LINE_LIMIT and not text.endswith("\n"):
                    raise BadData(f"{path.name}, line {number}: longer than {LINE_LIMIT} characters. Is this a list?")
                if text.strip():
                    yield number, text.rstrip("\n")
    except (OSError, UnicodeError) as error:
        raise BadData(f"The list {path.name} cannot be read: {error}.") from None


def read_labels(path: Path) -> list[str]:
    """Class names, line by line: line 1 is label 0. Raises BadData when there are none or too many."""
    names: list[str] = []
    for number, text in lines(path):
        if number != len(names) + 1:
            raise BadData(f"{path.name}, line {len(names) + 1} is blank: every line names a class, without gaps.")
        names.append(printable(text.strip()))
        if len(names) > LABEL_LIMIT:
            raise BadData(f"{path.name} has more than {LABEL_LIMIT} lines. Is this a list of class names?")
    if not names:
        raise BadData(f"The labels file {path.name} is empty.")
    return names


def read(path: Path, entries: Entries, classes: int | None, tick: Callable[[], None]) -> bool:
    """Add every line's picture to ``entries``, relative paths below its base; True when there are addresses.

    ``classes`` is the number of class names, if they are known. Raises BadData that shows the first wrong lines
    with their numbers and says how many there are.
    """
    problems: list[str] = []
    count, wrong, remote = 0, 0, False
    for number, text in lines(path):
        count += 1
        if count % 1000 == 0:
            tick()
        try:
            place, label = parse(text, classes)
        except ValueError as error:
            wrong += 1
            if len(problems) < SHOWN:
                problems.append(f"line {number}: {error}")
            continue
        location = _location(place, entries.base)
        remote = remote or is_url(location)
        entries.add(location, label)
    if problems:
        more = f"\nand {wrong - len(problems)} more" if wrong > len(problems) else ""
        raise BadData(f"{path.name}: {wrong} of {count} lines are wrong. Each must be a path (or URL), a blank or tab, "
                      "and a label number from 0:\n" + "\n".join(problems) + more)
    if not count:
        raise BadData(f"The list {path.name} has no lines. Each must be a path (or URL), a blank or tab, and a label "
                      "number from 0.")
    return remote


def parse(text: str, classes: int | None) -> tuple[str, int]:
    """Path and label of one line. Raises ValueError with what is wrong."""
    text = text.rstrip()
    place, separator, word = text.rpartition("\t") if "\t" in text else text.rpartition(" ")
    shown = printable(text if len(text) <= 120 else text[:117] + "...")
    if not separator or not place.strip():
        raise ValueError(f"no path and label in {shown!r}")
    try:
        label = int(word) if word.isascii() else -1
    except ValueError:
        raise ValueError(f"{printable(word)!r} is not a label number, in {shown!r}") from None
    if label < 0:
        raise ValueError(f"label {printable(word)} is not a number from 0, in {shown!r}")
    if label >= (classes if classes is not None else LABEL_LIMIT):
        known = f"the labels file ends at {classes - 1}" if classes is not None else "that is too large"
        raise ValueError(f"label {word}: {known}, in {shown!r}")
    place = place.strip() if separator == " " else place.strip("\t\r")
    if len(place) > 2 and place[0] == place[-1] == '"':
        place = place[1:-1]
    if "\0" in place:
        raise ValueError(f"the path holds a zero byte, in {shown!r}")
    return place, label


def _location(place: str, base: str) -> str:
    if is_url(place) or not base:
        return place
    if is_url(base):
        return base + quote(place.lstrip("/"), errors="surrogateescape")
    return place if place.startswith("/") else base + place  # base ends with '/'
