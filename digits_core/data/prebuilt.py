"""Databases that somebody else made, LMDB or HDF5: which of the two is told from what lies there."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from digits_core.data import datum, hdf5
from digits_core.data.entries import Entries
from digits_core.data.listing import Listed
from digits_core.errors import BadData, InvalidOptions, Problem
from digits_core.options import Options, option_fields
from digits_core.safe import safe_path
from digits_core.safe.places import is_s3


def base(path: Path) -> str:
    """What the locations of its pictures begin with; the keys of its rows follow."""
    return hdf5.base(path) if hdf5.is_database(path) else f"{datum.SCHEME}{path}{datum.BETWEEN}"


def fetched(location: str, roots: Sequence[str], deep: bool) -> bytes | None:
    """The picture of a location in a database, as a file; None where it is another place. For decoding processes."""
    if location.startswith(hdf5.SCHEME):
        return hdf5.picture(location, roots, deep)
    return datum.picture(location, roots) if location.startswith(datum.SCHEME) else None


def read(path: Path, roots: Sequence[Path], entries: Entries, split: str,
         skip: Callable[[str, str, str, str, bool], None], tick: Callable[[], None]) -> None:
    """Add every picture of a database to ``entries``, with its class; what is none goes to ``skip``.

    Raises BadData when the database cannot be read to its end.
    """
    entries.base = base(path)
    for row in hdf5.listed(path, tick, roots) if hdf5.is_database(path) else datum.listed(path, tick):
        if row.reason:
            skip(row.key, split, "", row.reason, True)
        else:
            entries.add(entries.base + row.key, row.label)


def features(path: Path, roots: Sequence[Path], tick: Callable[[], None]) -> Iterator[Listed]:
    """Every record, with what its own label is: numbers, or the key of a picture."""
    if hdf5.is_database(path):
        yield from hdf5.listed(path, tick, roots, "labels")
        return
    for row in datum.listed(path, tick):
        yield row._replace(numbers=[row.label])


def labels(path: Path, roots: Sequence[Path], tick: Callable[[], None], numbers: bool) -> Iterator[Listed]:
    """Every record of a database of labels; ``numbers``: with all its values."""
    if hdf5.is_database(path):
        return hdf5.listed(path, tick, roots, "numbers" if numbers else "labels")
    return datum.listed(path, tick, numbers)


def check_databases(options: Options, roots: Sequence[Path]) -> None:
    """Look at how the HDF5 files are made that options name. Raises InvalidOptions with what is wrong, at its field."""
    values, problems = options.model_dump(), []
    for field in option_fields(type(options)):
        if field.name.endswith("_db") and field.matters(values) and (text := values[field.name].strip()) \
                and not is_s3(text) and hdf5.is_database(path := safe_path(text, roots)):
            try:
                hdf5.check(path, roots, "features_db" not in values)
            except BadData as error:
                problems.append(Problem(field.name, str(error)))
    if problems:
        raise InvalidOptions(problems)
