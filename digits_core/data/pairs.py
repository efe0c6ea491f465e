"""Pictures and the label pictures that belong to them: found by their place below the two folders."""

from collections.abc import Iterable
from typing import NamedTuple

from digits_core.errors import BadData
from digits_core.safe.paths import printable

SHOWN = 10


class Pairs(NamedTuple):
    """``both`` are (picture, label) names in the pictures' order; the others have no partner."""

    both: list[tuple[str, str]]
    pictures_alone: list[str]
    labels_alone: list[str]


def pair(pictures: Iterable[str], labels: Iterable[str], what: str = "label image") -> Pairs:
    """Partners have the same relative path but for the ending: ``a/1.jpg`` and ``a/1.png``.

    Raises BadData when two files of one side have the same path but for the ending, and when nothing fits.
    """
    by_stem, others = _by_stem(pictures, "pictures"), _by_stem(labels, f"{what}s")
    both = [(name, others[stem]) for stem, name in by_stem.items() if stem in others]
    alone = [name for stem, name in by_stem.items() if stem not in others]
    left = [name for stem, name in others.items() if stem not in by_stem]
    if not both:
        raise BadData(f"No picture has a {what}. Both folders must hold the same relative paths, the ending may "
                      f"differ. Pictures: {listed(alone)}. {what.capitalize()}s: {listed(left)}.")
    return Pairs(both, alone, left)


def stem(name: str) -> str:
    """A relative path without its ending.

    >>> stem("a.b/1.left.png"), stem("a.b/1")
    ('a.b/1.left', 'a.b/1')
    """
    folder, slash, file = name.rpartition("/")
    start, dot, _ = file.rpartition(".")
    return folder + slash + (start if dot and start else file)


def _by_stem(names: Iterable[str], what: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        other = found.setdefault(stem(name), name)
        if other != name:
            raise BadData(f"Two {what} have the same name but for the ending: {printable(other)} and "
                          f"{printable(name)}. Which belongs to the partner cannot be told; remove one.")
    return found


def listed(names: list[str]) -> str:
    """The first names, and how many more there are."""
    shown = ", ".join(printable(name) for name in names[:SHOWN]) or "none"
    return shown + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
