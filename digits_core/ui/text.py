"""Numbers, times and people's own words as the pages write them."""

import re
import time
from datetime import datetime

from digits_core.tasks import Measure

_MARKS = re.compile(r"([\\`*_{}\[\]()<>#+.!|~$^&=-])")
_SYMBOLS = re.compile(r"(:)(?=[\w+/-]+:)|(?<=http)(s?:)(?=//)|(\bwww)(?=\.)|(\S)(?=@\S)|([<>~-])(?=[=>-])")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
_JOINER = "\u2060"


def plain(text: object) -> str:
    """Somebody's words for a place that reads Markdown: they come out as typed, whatever they contain.

    Escaping stops emphasis, links, HTML, formulas and colours; an invisible word joiner stops what Streamlit looks
    for after parsing (``:emoji:``, ``->``, bare addresses).
    """
    clean = _CONTROL.sub(" ", str(text)).strip()  # "** name**" would not be bold
    joined = _SYMBOLS.sub(lambda match: match.group(0) + _JOINER, clean)
    return _MARKS.sub(r"\\\1", joined).replace("\n", "  \n")


def size(amount: float | None) -> str:
    """Bytes with three digits: 1.23 MB, 45.6 GB."""
    if amount is None:
        return "–"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(amount) < 999.5 or unit == "TB":
            break
        amount /= 1000
    return f"{amount:.0f} B" if unit == "B" else f"{three_digits(amount)} {unit}"


def three_digits(value: float) -> str:
    """Three significant digits without an exponent: 0.0123, 1.23, 12.3, 123, 1,230."""
    if value == 0:
        return "0"
    if abs(value) >= 99.95:
        return f"{value:,.0f}"
    return f"{value:.2f}" if 0.9995 <= abs(value) < 9.995 else f"{value:.3g}"


def percent(share: float | None) -> str:
    """A share of 0..1 as a percentage with two decimals."""
    return "–" if not isinstance(share, int | float) else f"{100 * share:.2f} %"


def count(number: object) -> str:
    """A whole number with separators; a dash when there is none."""
    return f"{number:,.0f}" if isinstance(number, int | float) and not isinstance(number, bool) else "–"


_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def duration(seconds: float | None) -> str:
    """The two largest units in words: 2 hours, 3 minutes."""
    if seconds is None:
        return "–"
    rest, parts = max(0, round(seconds)), []
    for unit, name in _UNITS:
        number, rest = divmod(rest, unit)
        if number or (name == "second" and not parts):
            parts.append(f"{number} {name}{'s' if number != 1 else ''}")
        elif parts:
            break
    return ", ".join(parts[:2])


def short(seconds: float | None) -> str:
    """The two largest units in letters: 2 h 3 min."""
    letters = {"day": "d", "hour": "h", "minute": "min", "second": "s"}
    return re.sub(r" (day|hour|minute|second)s?,?", lambda match: f" {letters[match.group(1)]}", duration(seconds))


def age(moment: float | None, now: float | None = None) -> str:
    """How long ago, in one unit: 5 minutes ago."""
    if not isinstance(moment, int | float):
        return "–"
    seconds = (time.time() if now is None else now) - moment
    return "just now" if seconds < 10 else f"{duration(seconds).split(',')[0]} ago"


def exact(moment: float | None) -> str:
    """Date and time to the second, local time; what a hover shows."""
    try:
        return datetime.fromtimestamp(moment).strftime("%Y-%m-%d %H:%M:%S") if moment is not None else ""
    except (OverflowError, ValueError, OSError):
        return ""  # a damaged job may say it was made in the year 300000


def plural(number: int, word: str) -> str:
    """1 picture, 2 pictures; 1 class, 2 classes."""
    ending = "" if number == 1 else "es" if word.endswith("s") else "s"
    return f"{number:,} {word}{ending}"


def number(value: object) -> float | None:
    """A finite number from a file that may hold anything; None for everything else."""
    good = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
    return float(value) if good else None


def measured(value: float | None, measure: Measure) -> str:
    """A figure of a network as people read it."""
    return percent(value) if measure.share else "–" if value is None else three_digits(value)


def lower(title: str) -> str:
    """A title in the middle of a sentence; names that are written with capitals stay so."""
    return title[:1].lower() + title[1:] if title[1:2].islower() else title
