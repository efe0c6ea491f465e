"""DIGITS' catalogue of models: ``master.json`` and, for each model, a folder with ``info.json`` and what it names.

Nothing in it is believed: texts are cut, names must stay inside their folder, numbers must be numbers. Our own stores
add to info.json: "files" {name: sha256}, "bytes", "metrics", "preview", "version", "published", "task", "network".
"""

import hashlib
import math
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from digits_core import files
from digits_core.errors import BadData, DigitsError, NotFound
from digits_core.modelstore.digits_info import DEFINITIONS
from digits_core.modelstore.places import Place, is_inside
from digits_core.modelstore.purpose import LARGEST, guess_task

Json = dict[str, Any]
MOST = 500
"""Models of one store that are listed."""
MASTER_BYTES, INFO_BYTES, LICENSE_BYTES, PREVIEW_BYTES = 1_000_000, 1_000_000, 300_000, 5_000_000
NEEDED = ("snapshot file", "model file", "network file", "deploy file")
EXTRA = ("labels file", "mean file")
"""What info.json of DIGITS names; without a checksum."""
UNNAMED = {"pytorch": ("preprocessing.json", "network.py")}
"""Files that may lie beside those, by framework."""
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Entry:
    """One model of a store. ``files`` are {name in its folder: sha256, or "" when the store gives none}."""

    id: str
    store: str
    folder: str
    name: str
    contributor: str = ""
    note: str = ""
    dataset: str = ""
    license: str = ""
    framework: str = ""
    task: str = ""
    network: str = ""
    created: str = ""
    version: int = 0
    published: str = ""
    bytes: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    preview: str = ""
    info: Json = field(default_factory=dict)
    """DIGITS' own keys, for whoever installs the model."""
    problem: str = ""
    """Why it cannot be imported."""

    def is_optional(self, name: str) -> bool:
        """Whether a model can do without this file."""
        return not self.files[name] and name in (*map(self.info.get, EXTRA), *UNNAMED.get(self.framework, ()))

    @property
    def verified(self) -> bool:
        """Whether the store gives a checksum for every file."""
        return bool(self.files) and all(self.files.values())

    def to_json(self) -> Json:
        """What caches and REST hold of it."""
        return {**asdict(self), "verified": self.verified}

    @classmethod
    def from_json(cls, data: Json) -> "Entry":
        """The same again, from a file of this program. Raises TypeError when it is not one."""
        return cls(**{key: data[key] for key in cls.__dataclass_fields__ if key in data})


@dataclass(frozen=True)
class Found:
    """An entry with the two files that people look at."""

    entry: Entry
    license: str = ""
    preview: bytes = b""


def entry_id(address: str, folder: str) -> str:
    """The same for the same place, whenever and wherever it is listed."""
    return hashlib.sha256(f"{address}\n{folder}".encode()).hexdigest()[:16]


def read(place: Place, address: str) -> tuple[str, list[Found]]:
    """The message of a store, and its models; one that cannot be listed is told with the reason, or left out.

    Raises a DigitsError when the store itself cannot be read.
    """
    message, folders = _master(place)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda folder: _one(place, address, folder), folders[:MOST]))
    return message, [one for one in found if one]


def _master(place: Place) -> tuple[str, list[str]]:
    try:
        data = files.as_object(place.read("master.json", MASTER_BYTES))
    except NotFound:
        return "", [name for name in place.folders() if is_inside(name) and "/" not in name]
    children = data.get("children") if data else None
    if data is None or not isinstance(children, list):
        raise BadData("master.json is not what a model store has: an object with a list of \"children\".")
    names = [child.removesuffix("/") if isinstance(child, str) else child for child in children]
    return text(data.get("msg"), 500), list(dict.fromkeys(n for n in names if is_inside(n) and "/" not in n))


def _one(place: Place, address: str, folder: str) -> Found | None:
    """None for a folder that is no model."""
    try:
        info = files.as_object(place.read(f"{folder}/info.json", INFO_BYTES))
    except NotFound:
        return None
    except DigitsError as error:
        return Found(Entry(entry_id(address, folder), address, folder, folder, problem=str(error)))
    if info is None:
        return Found(Entry(entry_id(address, folder), address, folder, folder, problem="info.json is no JSON object."))
    if "files" not in info:
        info = {**info, **_summed(_optional(place, f"{folder}/SHA256SUMS", INFO_BYTES))}
    found = entry(address, folder, info, files.as_object(_optional(place, f"{folder}/aux.json", INFO_BYTES)) or {})
    if found.framework == "caffe" and not found.task and not found.problem:
        found = replace(found, task=_task(place, found))
    preview = _optional(place, f"{folder}/{found.preview}", PREVIEW_BYTES) if found.preview else b""
    return Found(found, _optional(place, f"{folder}/license.txt", LICENSE_BYTES).decode(errors="replace"), preview)


def _task(place: Place, found: Entry) -> str:
    """What a network of Caffe is for, as far as its definition tells: DIGITS' catalogue does not."""
    named = [str(found.info[key]) for key in DEFINITIONS if found.info.get(key)]
    text = next(filter(None, (_optional(place, f"{found.folder}/{name}", LARGEST) for name in named)), b"")
    return guess_task(text) if text else ""


def _summed(sums: bytes) -> Json:
    """The "files" of one of our archives that somebody unpacked into a store, from its SHA256SUMS; else nothing."""
    pairs = [line.split("  ", 1) for line in sums.decode(errors="replace").splitlines()]
    if not pairs or not all(len(pair) == 2 and SHA256.fullmatch(pair[0]) and is_inside(pair[1]) for pair in pairs):
        return {}
    return {"files": {**{name: digest for digest, name in pairs}, "SHA256SUMS": hashlib.sha256(sums).hexdigest()}}


def _optional(place: Place, name: str, limit: int) -> bytes:
    try:
        return place.read(name, limit)
    except DigitsError:
        return b""


def entry(address: str, folder: str, info: Json, aux: Json) -> Entry:
    """One model as its info.json and aux.json tell it."""
    named, problem = _files(info)
    preview = info.get("preview") or aux.get("logo")
    return Entry(
        entry_id(address, folder), address, folder, text(info.get("name"), 200) or folder,
        text(info.get("username"), 100), text(info.get("note"), 2000), text(aux.get("dataset"), 300),
        text(aux.get("license"), 200), text(info.get("framework"), 40), text(info.get("task"), 40),
        text(info.get("network"), 80), text(info.get("creation time"), 40), _count(info.get("version")),
        text(info.get("published"), 80), _count(info.get("bytes")), _metrics(info), named,
        str(preview) if is_inside(preview) else "", _own(info), problem)


def _files(info: Json) -> tuple[dict[str, str], str]:
    """The files to fetch, and what is wrong with them."""
    listed = info.get("files")
    if listed is not None:
        good = isinstance(listed, dict) and 0 < len(listed) <= 100
        if not good or not all(isinstance(s, str) and SHA256.fullmatch(s) for s in listed.values()):
            return {}, "info.json lists its \"files\" without a SHA-256 for each."
        if strange := [name for name in listed if not is_inside(name)]:
            return {}, f"info.json names a file outside of its folder: {text(strange[0], 100)}."
        return dict(listed), ""
    names = [info[key] for key in (*NEEDED, *EXTRA) if info.get(key) not in (None, "")]
    if strange := [name for name in names if not is_inside(name) or "/" in name]:
        return {}, f"info.json names a file outside of its folder: {text(str(strange[0]), 100)}."
    if not info.get("snapshot file"):
        return {}, "info.json names no \"snapshot file\"."
    return dict.fromkeys((*names, *UNNAMED.get(str(info.get("framework")), ())), ""), ""


def _own(info: Json) -> Json:
    """DIGITS' keys with plain values."""
    return {text(key, 60): value if not isinstance(value, str) else text(value, 300) for key, value in info.items()
            if isinstance(value, str | int) or (isinstance(value, list) and len(value) <= 4
                                                and all(isinstance(one, int) for one in value))}


def _metrics(info: Json) -> dict[str, float]:
    found = info.get("metrics")
    if not isinstance(found, dict):
        return {}
    return {text(key, 40): float(value) for key, value in list(found.items())[:20]
            if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)}


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else 0


def text(value: object, longest: int) -> str:
    """Somebody's text in one line; empty when it is none."""
    return " ".join(value.split())[:longest] if isinstance(value, str) else ""
