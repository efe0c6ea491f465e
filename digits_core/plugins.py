"""Extensions: installed ones come through one door, entry points of two groups.

A package that fails to load, or brings something else than it should, is logged, left out, and named on the System
page; it harms nothing.
"""

import functools
import logging
from dataclasses import dataclass
from importlib import metadata
from typing import Any

DATA, VIEW = "digits.plugins.data", "digits.plugins.view"
NEEDED = {DATA: ("name", "title", "task", "Options", "labels", "entries", "record"),
          VIEW: ("name", "title", "accepts", "ViewOptions", "panels")}
"""What an extension of each group must have, see digits_core.extension."""
log = logging.getLogger("digits.plugins")


@dataclass(frozen=True)
class Extension:
    """One entry point: ``value`` is what it loaded, or None with the reason in ``error``."""

    group: str
    name: str
    package: str
    value: Any = None
    error: str = ""


def extensions(enabled: bool = True) -> list[Extension]:
    """Every installed extension, broken ones included; none when ``enabled`` is off (DIGITS_PLUGINS=0)."""
    if not enabled:
        return []
    return [_load(point) for group in NEEDED for point in metadata.entry_points(group=group)]


@functools.lru_cache(maxsize=1)
def _installed() -> list[Extension]:
    from digits_core.errors import InvalidOptions
    from digits_core.settings import Settings  # who only lists entry points needs no settings

    try:
        wanted = Settings.load().plugins
    except InvalidOptions:  # whoever asks for the settings says so; this runs when modules are loaded
        wanted = False
    return extensions(wanted)


def values(group: str) -> list[Any]:
    """What the extensions of a group brought, of those that work; looked for once in the life of a process."""
    return [found.value for found in _installed() if found.group == group and found.value is not None]


def forget() -> None:
    """Look again when asked next: something was installed or removed."""
    _installed.cache_clear()


def _load(point: metadata.EntryPoint) -> Extension:
    package = f"{point.dist.name} {point.dist.version}" if point.dist else "?"
    try:
        value = point.load()
        value = value() if isinstance(value, type) else value
        if missing := [name for name in NEEDED[point.group] if not hasattr(value, name)]:
            raise TypeError(f"it lacks {', '.join(missing)}")
        return Extension(point.group, point.name, package, value)
    except Exception as error:  # somebody else's code: anything can happen, and it must not take us down
        log.warning("extension %s of %s cannot be loaded: %s", point.name, package, error)
        return Extension(point.group, point.name, package, None, f"{type(error).__name__}: {error}")
