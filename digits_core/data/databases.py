"""Databases of features and labels that somebody else made (DIGITS' "Other"): pictures or vectors, as they are."""

import json
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from digits_core.data import prebuilt
from digits_core.data.entries import Entries
from digits_core.data.listing import Listed
from digits_core.data.sources import Scan
from digits_core.errors import BadData
from digits_core.safe import safe_path
from digits_core.safe.paths import printable
from digits_core.tasks.pictures import DatabaseOptions

Json = dict[str, Any]


class Databases(NamedTuple):
    """Entries of each split, and width and height of the first record (None: its pictures are encoded)."""

    splits: dict[str, Entries]
    size: tuple[int, int] | None


def found(options: DatabaseOptions, roots: Sequence[Path], scan: Scan, numbers: bool) -> Databases:
    """The pairs of each split; an entry's extra is {"numbers"}, or {"wanted"} where labels are pictures.

    Without a database of labels a record's own label is its number, and a picture what is wanted of itself. Raises
    BadData when features and labels are not as many.
    """
    splits, size = {}, None
    for split, prefix in (("train", ""), ("val", "val_")):
        features, labels = (getattr(options, f"{prefix}{kind}_db").strip() for kind in ("features", "labels"))
        if not features:
            continue
        path = safe_path(features, roots)
        splits[split] = entries = scan.entries(split)
        entries.base = prebuilt.base(path)
        shape = None
        for row, extra in _pairs(path, labels and safe_path(labels, roots), roots, scan, numbers):
            shape = shape or (row.shape if not row.reason else None)
            reason = row.reason or _odd(row, shape if options.same_shape else None)
            if reason:
                scan.skip(row.key, split, "", reason, True)
            else:
                entries.add(entries.base + row.key, 0, extra)
        size = size or ((shape and all(shape[1:]) and (shape[2], shape[1])) or None)
    return Databases(splits, size)


def _odd(row: Listed, shape: tuple[int, int, int] | None) -> str:
    if shape is None or tuple(row.shape) == tuple(shape):
        return ""
    return f"is {' x '.join(map(str, row.shape))}, the first record {' x '.join(map(str, shape))}"


def _pairs(features: Path, labels: Path | str, roots: Sequence[Path], scan: Scan,
           numbers: bool) -> Iterator[tuple[Listed, str]]:
    """Records and what is known of each, in the order of both databases."""
    rows = prebuilt.features(features, roots, scan.tick)
    if not labels:
        for row in rows:
            if numbers and not row.numbers and not row.reason:
                raise BadData(f"The database {printable(str(features))} holds no numbers as labels, and no database "
                              "of labels is named.")
            own = {"wanted": prebuilt.base(features) + row.wanted} if row.wanted else {}
            yield row, json.dumps({"numbers": row.numbers} if numbers else own)
        return
    wanted = prebuilt.base(Path(labels))
    others = prebuilt.labels(Path(labels), roots, scan.tick, numbers)
    for count, (row, other) in enumerate(zip_longest(rows, others)):
        if row is None or other is None:
            fewer, more = (features, labels) if row is None else (labels, features)
            raise BadData(f"The database {printable(str(fewer))} ends after {count} records, {printable(str(more))} "
                          "goes on: every record needs its label.")
        extra = {"numbers": other.numbers} if numbers else {"wanted": wanted + other.key}
        yield row._replace(reason=row.reason or (other.reason and f"its label {other.reason}")), json.dumps(extra)
