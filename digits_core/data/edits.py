"""What a new version of a dataset changes: pictures left out, given another label, or moved to another split."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from digits_core.errors import InvalidOptions, Problem

Json = dict[str, Any]
SPLITS = ("train", "val", "test")
DEEDS = ("exclude", "relabel", "move")
FIXES = {
    "drop-exact": "Of pictures with the same pixels keep the first one",
    "drop-near": "Of pictures that are nearly the same keep the first one",
    "one-split": "Move pictures that are in training and elsewhere to training altogether",
    "drop-conflicts": "Leave out pictures that stand under two labels",
}
"""What the report on a dataset offers to repair. Pictures under two labels are touched by the last one only."""
SHOWN = 20


@dataclass
class Edits:
    """Changes by split and position; of two for the same picture the later one counts."""

    excluded: dict[str, set[int]] = field(default_factory=dict)
    labels: dict[str, dict[int, int]] = field(default_factory=dict)
    moved: dict[str, dict[int, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[Json]) -> "Edits":
        """Edits from rows that ``checked`` has passed."""
        edits = cls()
        for row in rows:
            split, place = row["split"], row["index"]
            if row["do"] == "exclude":
                edits.excluded.setdefault(split, set()).add(place)
            elif row["do"] == "relabel":
                edits.labels.setdefault(split, {})[place] = row["label"]
            elif row["to"] != split:
                edits.moved.setdefault(split, {})[place] = row["to"]
        return edits


def checked(rows: object, labels: list[str], entries: Mapping[str, int],
            paths: Mapping[str, Mapping[str, int]] | None = None) -> list[Json]:
    """Edits in their one form: ``do``, ``split``, ``index``, and ``label`` (a number) or ``to``.

    ``label`` may come as a class name, a picture as ``path`` instead of ``index`` when ``paths`` (path -> position by
    split) are given. Raises InvalidOptions with the first wrong rows.
    """
    if not isinstance(rows, list) or not rows:
        raise InvalidOptions([Problem("edits", "A list of changes is needed, with at least one in it.")])
    numbers = {label: number for number, label in reversed(list(enumerate(labels)))}
    good, problems = [], []
    for number, row in enumerate(rows, 1):
        try:
            good.append(_one(row, numbers, entries, paths))
        except ValueError as error:
            problems.append(f"Change {number}: {error}")
    if problems:
        more = [f"and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
        raise InvalidOptions([Problem("edits", text) for text in [*problems[:SHOWN], *more]])
    return good


def _one(row: object, numbers: Mapping[str, int], entries: Mapping[str, int],
         paths: Mapping[str, Mapping[str, int]] | None) -> Json:
    if not isinstance(row, dict) or not set(row) <= {"do", "split", "index", "path", "label", "to"}:
        raise ValueError("an object with do, split, index (or path), label, to is needed")
    deed, split = row.get("do"), row.get("split")
    if deed not in DEEDS:
        raise ValueError(f"do must be one of {', '.join(DEEDS)}")
    if not isinstance(split, str) or split not in entries:
        raise ValueError(f"split must be one of {', '.join(entries)}")
    made: Json = {"do": deed, "split": split, "index": _place(row, entries[split], (paths or {}).get(split))}
    if deed == "relabel":
        made["label"] = _label(row.get("label"), numbers)
    if deed == "move":
        made["to"] = row.get("to")
        if made["to"] not in SPLITS:
            raise ValueError(f"to must be one of {', '.join(SPLITS)}")
    return made


def _place(row: Json, count: int, paths: Mapping[str, int] | None) -> int:
    if "path" in row:
        place = (paths or {}).get(row["path"]) if isinstance(row["path"], str) else None
        if place is None:
            raise ValueError(f"there is no picture {str(row['path'])[:200]!r} in this split")
        return place
    place = row.get("index")
    if not isinstance(place, int) or isinstance(place, bool) or not 0 <= place < count:
        raise ValueError(f"index must be a whole number from 0 to {count - 1}")
    return place


def _label(value: object, numbers: Mapping[str, int]) -> int:
    if isinstance(value, str) and value in numbers:
        return numbers[value]
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(numbers):
        return value
    raise ValueError(f"label must be one of the {len(numbers)} classes, by name or number from 0")


def repair(groups: Iterable[Json], fixes: Iterable[str]) -> list[Json]:
    """The edits that these fixes (see FIXES) make of the report's groups."""
    wanted, rows = set(fixes), []
    if unknown := wanted - set(FIXES):
        raise InvalidOptions([Problem("fixes", f"There is no fix {min(unknown)!r}; choose of {', '.join(FIXES)}.")])
    for group in groups:
        rows += _repair(group, wanted)
    return rows


def _repair(group: Json, wanted: set[str]) -> list[Json]:
    members, kinds = group["members"], group["kinds"]
    if "labels" in kinds:
        return [_edit("exclude", member) for member in members] if "drop-conflicts" in wanted else []
    gone: set[int] = set()
    if "drop-near" in wanted:
        gone = set(range(1, len(members)))
    elif "drop-exact" in wanted:
        gone = {place for place, member in enumerate(members) if member["same"] != place}
    left = [member for place, member in enumerate(members) if place not in gone]
    rows = [_edit("exclude", members[place]) for place in sorted(gone)]
    if "one-split" in wanted and len({member["split"] for member in left}) > 1 and "leak" in kinds:
        rows += [_edit("move", member) | {"to": "train"} for member in left if member["split"] != "train"]
    return rows


def _edit(deed: str, member: Json) -> Json:
    return {"do": deed, "split": member["split"], "index": member["index"]}
