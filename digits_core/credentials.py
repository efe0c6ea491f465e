"""Credentials that the administrator named. Jobs, forms and scripts know the names; the keys stay where they are.

A set stands in the secrets file, ``[s3.NAME]`` with ``endpoint``, ``region``, ``key``, ``secret``, ``token``,
``profile`` and ``buckets``, or in the server's environment: ``DIGITS_S3_NAME_KEY``, ``DIGITS_S3_NAME_SECRET`` ...
Without key and profile it stands for what AWS' own chain finds: its variables, its files, the machine's role.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from digits_core.errors import BadData

_VARIABLE = re.compile(r"DIGITS_S3_([A-Z0-9_]+)_(ENDPOINT|REGION|KEY|SECRET|TOKEN|PROFILE|BUCKETS)")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


@dataclass(frozen=True)
class S3Credentials:
    """One set. What must stay secret is never in its ``repr``, so in no log and no traceback."""

    name: str = ""
    endpoint: str = ""
    """Address of the service; empty: AWS."""
    region: str = ""
    key: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    profile: str = ""
    """Of AWS' own configuration files."""
    buckets: tuple[str, ...] = ()
    """The buckets it may be used for; none: any."""


def s3_credentials(secrets_file: Path, environ: Mapping[str, str] | None = None) -> dict[str, S3Credentials]:
    """All sets by name; those of the environment win. Raises BadData, without a word of its content, for a bad file."""
    found = {name: dict(values) for name, values in _in_file(secrets_file).items()}
    for variable, value in (os.environ if environ is None else environ).items():
        if (match := _VARIABLE.fullmatch(variable)) and value.strip():
            part = match[2].lower()
            found.setdefault(match[1].lower(), {})[part] = value.split(":") if part == "buckets" else value.strip()
    return {name: _made(name, values) for name, values in sorted(found.items())}


def _in_file(path: Path) -> dict[str, dict[str, Any]]:
    try:
        sets = tomllib.loads(path.read_text("utf-8")).get("s3", {})
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BadData(f"The secrets file {path} cannot be read ({type(error).__name__}).") from None
    if not isinstance(sets, dict) or not all(isinstance(values, dict) for values in sets.values()):
        raise BadData(f"{path}: a set of S3 credentials is a table [s3.NAME].")
    return sets


def _made(name: str, values: dict[str, Any]) -> S3Credentials:
    known = {one.name for one in fields(S3Credentials)} - {"name"}
    buckets = values.pop("buckets", [])
    texts = isinstance(buckets, list) and all(isinstance(one, str) for one in [*buckets, *values.values()])
    if not _NAME.fullmatch(name) or not set(values) <= known or not texts:
        raise BadData(f"The S3 credentials {name[:64]!r} are set up wrongly: a name has small letters, digits, '-' and "
                      f"'_', and a set knows {', '.join(sorted(known))}, all texts.")
    if bool(values.get("key")) != bool(values.get("secret")):
        raise BadData(f"The S3 credentials {name!r} have only one of key and secret.")
    return S3Credentials(name, buckets=tuple(buckets), **values)
