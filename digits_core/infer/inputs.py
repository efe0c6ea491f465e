"""The pictures of a batch: listed once into inputs.jsonl, then read one after the other."""

import json
import os
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from digits_core import files
from digits_core.errors import BadData, DigitsError
from digits_core.infer import record_inputs
from digits_core.infer.options import UPLOADED_LIST
from digits_core.safe import is_url, read_regular, safe_path
from digits_core.safe.images import MAX_BYTES, SUFFIXES

Json = dict[str, Any]
UPLOAD = "job:upload/"
FETCHED = "s3"
"""The folder of a job with its pictures from S3; they stay, as uploads do."""
TEXT = "text:"
"""A source that begins so is the text itself."""
FILE = "inputs.jsonl"


class Input(NamedTuple):
    """One picture: the name people know it by, where it is, and its true label where that is known.

    ``source`` is a server path, an http(s) address, ``job:upload/000007``, ``record:ID/val/17``, or ``text:`` and a
    text; ``note`` says what was odd in the list.
    """

    image: str
    source: str
    truth: str | None = None
    note: str = ""


class Labels:
    """Finds the class that a list or a folder means: by its name, or by its number from 0."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self._known = {unicodedata.normalize("NFC", name): name for name in names}

    def by_name(self, text: str) -> str | None:
        """The class called ``text``; None when there is none (composed and decomposed letters are the same)."""
        return self._known.get(unicodedata.normalize("NFC", text))

    def of(self, text: str) -> str | None:
        """The class with this number, as in DIGITS' lists, or else with this name."""
        if text.isascii() and text.isdigit() and int(text) < len(self.names):
            return self.names[int(text)]
        return self.by_name(text)


def write_inputs(folder: Path, options: Json, names: Sequence[str], roots: Sequence[Path]) -> int:
    """List the pictures into the job folder, once and whole; returns how many there are.

    A resumed batch finds the list of its first attempt, so that row n stays picture n whatever changed since.
    """
    target = folder / FILE
    if not target.exists():
        found = islice(find(folder, options, Labels(names), roots), options.get("limit"))
        with files.atomic(target) as file:
            for entry in found:  # never all in memory
                file.write(json.dumps(entry._asdict()).encode() + b"\n")
    return sum(1 for _ in read_inputs(folder))


def read_inputs(folder: Path, skip: int = 0) -> Iterator[Input]:
    """The listed pictures from number ``skip`` on."""
    with (folder / FILE).open("rb") as lines:
        for line in islice(lines, skip, None):
            yield _parsed(line)


def _parsed(line: bytes) -> Input:
    try:
        return Input(**json.loads(line))
    except (ValueError, TypeError) as error:
        raise BadData(f"The batch's list of pictures ({FILE}) is damaged. Clone the job to list them again.") from error


def find(folder: Path, options: Json, labels: Labels, roots: Sequence[Path]) -> Iterator[Input]:
    """The pictures that a batch's options name, in a fixed order. Raises a DigitsError when the source is gone."""
    if options["method"] == "upload":
        names = (files.read_json(folder / "uploads.json") or {}).get("names", [])
        return (Input(str(name), f"{UPLOAD}{number:06d}") for number, name in enumerate(names))
    if options["method"] == "dataset":
        return (Input(shown(name), source, labels.by_name(label))
                for name, source, label in record_inputs.listed(folder.parent, options, labels.names))
    if options["method"] == "folder" and options["folder"].startswith(f"{folder / FETCHED}/"):
        return (one._replace(source=f"job:{Path(one.source).relative_to(folder)}")
                for one in _in_folder(Path(options["folder"]), labels))
    if options["method"] == "folder":
        return _in_folder(safe_path(options["folder"], roots), labels)
    if options["method"] == "texts":
        return _in_table(safe_path(options["table"], roots), int(options["label_column"]), labels)
    uploaded = options["image_list"] == UPLOADED_LIST
    path = folder / "list.txt" if uploaded else safe_path(options["image_list"], roots)
    base = safe_path(options["image_folder"], roots) if options["image_folder"] else None
    return _in_list(path, base or (None if uploaded else path.parent), labels)


def _in_folder(root: Path, labels: Labels) -> Iterator[Input]:
    """Everything below ``root`` that is named like a picture; the first folder below it may name the class."""
    for here, folders, names in os.walk(root):
        folders.sort()
        inner = Path(here).relative_to(root).parts
        truth = labels.by_name(inner[0]) if inner else None
        unknown = inner and truth is None and labels.names
        note = f"folder {inner[0]!r} is no class of the model" if unknown else ""
        for name in sorted(names):
            if name.rpartition(".")[2].lower() in SUFFIXES and not name.startswith("."):
                yield Input(shown("/".join([*inner, name])), str(Path(here) / name), truth, note)


def _in_table(path: Path, label_column: int, labels: Labels) -> Iterator[Input]:
    """The texts of a CSV file; the class beside them may be a name, or a number from 1 as in tables of texts."""
    from digits_core.data.textfiles import rows  # what reads datasets need not be known here

    for row in rows(path, label_column, "auto"):
        number = row.label if row.label.isascii() and row.label.isdigit() else ""
        truth = labels.by_name(row.label) or (labels.of(str(int(number) - 1)) if number and int(number) else None)
        note = "" if truth is not None else f"{row.label[:60]!r} is no class of the model"
        yield Input(f"{path.name}, line {row.line}", TEXT + row.text, truth, note)


def _in_list(path: Path, base: Path | None, labels: Labels) -> Iterator[Input]:
    if not path.is_file():
        raise BadData(f"The list {path.name} is not there any more.")
    with path.open("rb") as lines:
        for number, raw in enumerate(lines):
            line = raw.decode("utf-8-sig" if number == 0 else "utf-8", "surrogateescape").strip("\r\n")
            if line.strip():
                yield _listed(line, base, labels)


def _listed(line: str, base: Path | None, labels: Labels) -> Input:
    """``path``, ``path<TAB>label`` or ``path label``: after a blank only a label that the model knows is one."""
    name, tab, label = line.rpartition("\t")
    if not tab:
        name, blank, label = line.rstrip().rpartition(" ")
        if not blank or labels.of(label) is None or os.path.lexists(_absolute(line, base)):
            name, label = line, ""
    name, label = name.strip(), label.strip()
    truth = labels.of(label) if label else None
    note = f"label {label!r} is no class of the model" if label and truth is None else ""
    return Input(shown(name), name if is_url(name) else _absolute(name, base), truth, note)


def shown(name: str) -> str:
    """A file name as text that any program can write: bytes that are no UTF-8 become escapes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _absolute(name: str, base: Path | None) -> str:
    try:
        return str(base / name) if base is not None else name
    except ValueError:
        return name


def read_input(source: str, folder: Path, roots: Sequence[Path], private_hosts: Sequence[str]) -> bytes:
    """The bytes of a picture. Raises BadData in words for a list ("is not there")."""
    if source.startswith(TEXT):
        return source.removeprefix(TEXT).encode()
    if source.startswith(UPLOAD):
        return read_regular(str(folder / "upload" / Path(source).name), limit=MAX_BYTES)
    if source.startswith(f"job:{FETCHED}/"):
        return read_regular(str(folder / source.removeprefix("job:")), [os.path.realpath(folder / FETCHED)], MAX_BYTES)
    if record := record_inputs.parsed(source):
        return record_inputs.read_record(folder.parent, record)
    if not is_url(source):
        if not source.startswith("/"):
            raise BadData("is a relative path, and no image folder was given")
        return read_regular(source, [os.path.realpath(root) for root in roots], MAX_BYTES)
    from digits_core.safe.fetch import safe_fetch  # an HTTP client is heavy, and most batches need none

    try:
        return safe_fetch(source, private_hosts, limit=MAX_BYTES)
    except DigitsError as error:
        raise BadData(str(error)) from None
