"""The same thing as code: what a form asks for, or what a job was made of, as command line, as JSON and as curl."""

import json
import os
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from digits_core.options import OptionField, Options, option_fields
from digits_core.safe.places import SCHEME
from digits_core.services.resumable import PREFIX

Json = dict[str, Any]
PROGRAM = "python -m digits_core"


class Way(NamedTuple):
    """One way to make something: a command and the REST route that does the same.

    Words in braces come from what stands beside the options; ``flags`` are the others of the command line, by name.
    """

    command: str
    route: str
    flags: dict[str, str]


_NAMED = {"name": "--name", "group": "--group"}
WAYS = {
    "dataset": Way("create-dataset {task}", "/api/datasets", _NAMED),
    "model": Way("train", "/api/models", {"dataset": "--dataset", **_NAMED}),
    "sweep": Way("train", "/api/models/sweep", {"dataset": "--dataset", "draws": "--draws", **_NAMED}),
    "search": Way("search", "/api/searches", {"dataset": "--dataset", **_NAMED}),
    "batch": Way("classify-many", "/api/inferences", {"model": "--model", **_NAMED}),
    "video": Way("classify-video", "/api/videos", {"model": "--model", **_NAMED}),
    "frames": Way("frames", "/api/frames", _NAMED),
    "maxima": Way("max-activations {model}", "/api/models/{model}/max-activations", _NAMED),
    "export": Way("export {model}", "/api/models/{model}/exports", _NAMED),
    "make": Way("make {model} --to pictures", "/api/models/{model}/make", {"checkpoint": "--checkpoint"}),
    "addition": Way("add-pictures {dataset}", "/api/datasets/{dataset}/additions", _NAMED),
    "subset": Way("create-subset {dataset}", "/api/datasets/{dataset}/subsets", _NAMED),
    "version": Way("create-version {dataset} --edits {file}", "/api/datasets/{dataset}/versions", _NAMED),
    "published": Way("get-weights {network}", "/api/models/weights", {"weights": "--weights", **_NAMED}),
    "files": Way("import-files {file}", "/api/models/files", _NAMED),
}


@dataclass(frozen=True)
class Asked:
    """What is asked for: a way (see WAYS), what stands beside the options (name, group, dataset ...), the options.

    ``cls`` describes the options; ``search`` and ``view_options`` are a second set of them, where there is one.
    """

    way: str
    cls: type[Options]
    head: Json
    options: Json = field(default_factory=dict)
    search: tuple[type[Options], Json] | None = None
    view_options: tuple[type[Options], Json] | None = None


def chosen(cls: type[Options], options: Json, whole: bool = False) -> Json:
    """The options that differ from their defaults, or all of them; names that nobody knows stay."""
    defaults = {name: info.get_default(call_default_factory=True) for name, info in cls.model_fields.items()
                if not info.is_required() and (not whole or name in cls.LEFT_OUT)}
    return {name: value for name, value in options.items()
            if name not in defaults or not _same(value, defaults[name])}


def _same(value: Any, default: Any) -> bool:
    """Equal, and not only because True is 1."""
    return bool(value == default) and isinstance(value, bool) == isinstance(default, bool)


def body(asked: Asked, whole: bool = False) -> Json:
    """What is posted to the route: name and so on, and the options that differ from their defaults (or all)."""
    way = WAYS[asked.way]
    beside = {name: value for name, value in asked.head.items()
              if value not in ("", None, []) and "{" + name + "}" not in way.route and name != "file"}
    sets = {"options": (asked.cls, asked.options), "search": asked.search, "view_options": asked.view_options}
    made = {name: chosen(*one, whole) for name, one in sets.items() if one and one[0] is not Options}
    return {**beside, **{name: values for name, values in made.items() if values or name == "options"}}


def route(asked: Asked) -> str:
    """The address of the REST route, without the server."""
    return WAYS[asked.way].route.format_map(_Blank(asked.head))


def curl(asked: Asked, address: str, user: str = "", whole: bool = False) -> str:
    """The REST call for a shell; ``address`` is that of the server."""
    content = json.dumps(body(asked, whole))
    words = ["curl", "-X", "POST", f"{address.rstrip('/')}{route(asked)}", "-H", f"X-Digits-User: {user or 'NAME'}",
             "-H", "Content-Type: application/json", "-d", content]
    return shlex.join(words)


def command_line(asked: Asked, user: str = "", jobs_dir: Path | None = None, whole: bool = False) -> str:
    """The command that does the same in any POSIX shell on this machine.

    What a flag cannot say (a list of switches, a text with a comma where lists are read) goes as JSON behind
    ``--options``.
    """
    way = WAYS[asked.way]
    words = shlex.split(PROGRAM)
    if jobs_dir is not None and jobs_dir != Path("jobs").resolve():
        words += ["--jobs-dir", str(jobs_dir)]
    words += [part.format_map(_Blank(asked.head)) for part in way.command.split()]
    beside = {**asked.head, "user": user}
    for name, flag in {**way.flags, "user": "--user"}.items():
        if beside.get(name) not in ("", None):
            words += _pair(flag, str(beside[name]))
    words += _flags((asked.search or (Options, {}))[0], (asked.search or (Options, {}))[1], False, whole)
    own = {name: value for name, value in asked.options.items() if "{" + name + "}" not in way.command}
    words += _flags(asked.cls, own, asked.way in ("model", "sweep", "search"), whole)
    if asked.view_options:
        words += [word for name, value in chosen(*asked.view_options, whole).items()
                  for word in ("--option", f"{name}={_text(value)}")]
    return shlex.join(words)


class _Blank(dict[str, Any]):
    """What is not chosen yet stands there in capitals."""

    def __getitem__(self, name: str) -> Any:
        return self.get(name) or name.upper()

    def __missing__(self, name: str) -> str:
        return name.upper()


def _flags(cls: type[Options], options: Json, sweeps: bool, whole: bool) -> list[str]:
    fields = {found.name: found for found in option_fields(cls)}
    wanted = chosen(cls, options, whole)
    if "method" in options and any("method" in fields[name].when for name in wanted if name in fields):
        wanted.setdefault("method", options["method"])  # else the flags of a source would choose it
    words, rest = [], {}
    order = list(fields)
    for name, value in sorted(wanted.items(), key=lambda pair: order.index(pair[0]) if pair[0] in fields else -1):
        said = _said(fields[name], value, sweeps) if name in fields else None
        if said is None:
            rest[name] = value
        else:
            words += said
    return [*words, *(["--options", json.dumps(rest)] if rest else [])]


def _said(found: OptionField, value: Any, sweeps: bool) -> list[str] | None:
    """The words of a flag; None when no flag can say it."""
    flag = f"--{found.name.replace('_', '-')}"
    if found.type is bool:
        return [flag if value else f"--no-{flag[2:]}"] if isinstance(value, bool) else None
    if found.many or (isinstance(value, list) and sweeps and found.sweeps and len(value) > 1):
        parts = [_one(found, part) for part in value] if isinstance(value, list) else [None]
        good = [part for part in parts if part and part == part.strip() and "," not in part]
        return _pair(flag, ",".join(good)) if len(good) == len(parts) else None
    text = _one(found, value)
    listed = text is not None and sweeps and found.sweeps and "," in text
    return None if text is None or listed else _pair(flag, text)


def _one(found: OptionField, value: Any) -> str | None:
    if value is None:
        return "none" if found.optional else None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = _text(value)
    if (found.optional and text in ("", "none")) or "\0" in text or not _encodes(text):
        return None
    if found.type in (int, float):
        return text if _reads_back(found.type, text, value) else None
    if not isinstance(value, str):
        return None
    if found.kind in ("folder", "path") and text.strip() and not _is_whole(text):
        return None
    return text


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _reads_back(kind: type, text: str, value: Any) -> bool:
    """Whether the command line would read the same number, or leave a text that is none as it is."""
    try:
        read = kind(text)
    except ValueError:
        return isinstance(value, str)
    return not isinstance(value, str) and bool(read == value)


def _is_whole(text: str) -> bool:
    """Whether the command line would leave a path as it is."""
    address = text.lower().startswith(("http://", "https://", SCHEME, PREFIX))
    return address or (text.startswith("/") and str(Path(text)) == text)


def _encodes(text: str) -> bool:
    try:
        text.encode()
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return True


def _pair(flag: str, text: str) -> list[str]:
    """A flag and its value, as one word where the value could be taken for another flag."""
    return [f"{flag}={text}"] if text.startswith("-") else [flag, text]

