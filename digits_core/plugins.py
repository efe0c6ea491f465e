"""Extensions: built-in and installed ones come through one door, entry points of two groups.

A package that fails to load is logged, left out, and named on the System page; it harms nothing.
"""

import logging
from dataclasses import dataclass
from importlib import metadata

GROUPS = ("digits.plugins.data", "digits.plugins.view")
log = logging.getLogger("digits.plugins")


@dataclass(frozen=True)
class Extension:
    """One entry point: ``value`` is what it loaded, or None with the reason in ``error``."""

    group: str
    name: str
    package: str
    value: object = None
    error: str = ""


def extensions(enabled: bool = True) -> list[Extension]:
    """Every installed extension, broken ones included; none when ``enabled`` is off (DIGITS_PLUGINS=0)."""
    if not enabled:
        return []
    return [_load(point) for group in GROUPS for point in metadata.entry_points(group=group)]


def _load(point: metadata.EntryPoint) -> Extension:
    package = f"{point.dist.name} {point.dist.version}" if point.dist else "?"
    try:
        return Extension(point.group, point.name, package, point.load())
    except Exception as error:  # somebody else's code: anything can happen, and it must not take us down
        log.warning("extension %s of %s cannot be loaded: %s", point.name, package, error)
        return Extension(point.group, point.name, package, None, f"{type(error).__name__}: {error}")
