"""Which checkpoints a model folder has, read by everybody but the training that writes them."""

from pathlib import Path
from typing import Any

from digits_core import files
from digits_core.errors import NotFound
from digits_core.jobs.model import number

Json = dict[str, Any]


def whole_checkpoints(folder: Path) -> list[Json]:
    """All whole checkpoints of a folder, oldest first: epoch, step, file, sha256, bytes, metrics, best."""
    rows = [files.read_json(path) for path in sorted(folder.glob("epoch_*.json"))]
    return sorted((row for row in rows if row and _is_whole(folder, row)), key=lambda row: float(row["epoch"]))


def _is_whole(folder: Path, row: Json) -> bool:
    """Whether a row has what every reader counts on, and its weights are where it says, inside the folder."""
    name = row.get("file")
    return (number(row.get("epoch")) is not None and isinstance(row.get("metrics"), dict)
            and isinstance(name, str) and bool(name) and Path(name).name == name and "\0" not in name
            and (folder / name).is_file())


def find_checkpoint(folder: Path, which: str, owner: str) -> Json:
    """One checkpoint: "best", "last" or an epoch. Raises NotFound with the epochs there are; ``owner`` has them."""
    rows = whole_checkpoints(folder)
    if not rows:
        raise NotFound(f"{owner} has no checkpoint yet.")
    if which == "last":
        return rows[-1]
    if which == "best":
        return next((row for row in rows if row.get("best")), rows[-1])
    for row in rows:
        if str(which) in (str(row["epoch"]), f"{row['epoch']:g}"):
            return row
    epochs = ", ".join(f"{row['epoch']:g}" for row in rows)
    raise NotFound(f"{owner} has no checkpoint of epoch {which}; there are: best, last, {epochs}.")
