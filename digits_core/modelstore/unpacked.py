"""An unpacked model archive, held against what it says about itself. Nothing in it is believed before."""

import hashlib
import re
import time
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from digits_core import files
from digits_core.errors import BadData
from digits_core.evaluate.classification import LARGE
from digits_core.infer.model_files import CheckpointFile, ModelPart, read_part, to_part
from digits_core.infer.model_folder import ModelFolder
from digits_core.modelstore.archive import FORMAT, SCHEMA, SPLITS, SUMS, WEIGHTS
from digits_core.tasks import tasks

Json = dict[str, Any]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]


class ClassReport(ModelPart):
    """One class in an evaluation."""

    v: Literal[1] = 1
    label: str
    entries: Count
    precision: Share
    recall: Share
    f1: Share


class Report(ModelPart):
    """evaluation/SPLIT.json."""

    split: Literal["val", "test"]
    checkpoint_epoch: float
    entries: Count
    loss: float
    accuracy: Share
    top5: Share
    confusion: list[list[Count]]
    cells: list[tuple[Count, Count, Count]] = Field(default_factory=list)
    per_class: list[ClassReport]


def read_head(folder: Path) -> Json:
    """model.json. Raises BadData when this is no archive of ours, or one that a newer program made."""
    data = files.read_json(folder / "model.json")
    if data is None or data.get("format") != FORMAT:
        raise BadData("This is not a model archive of DIGITS: model.json is missing or not one of ours.")
    version = data.get("v")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise BadData("model.json is damaged: it has no schema version.")
    if version > SCHEMA:
        raise BadData(f"The archive was made by a newer version of DIGITS (schema {version}; this one reads up to "
                      f"{SCHEMA}). Update DIGITS, then import it again.")
    if data.get("task") not in tasks():
        raise BadData(f"The archive holds a model for {str(data.get('task'))[:40]!r}; known are {', '.join(tasks())}.")
    return data


def checkpoint_of(head: Json) -> CheckpointFile:
    """The checkpoint that model.json describes, under the name that it will have here."""
    facts = head.get("checkpoint")
    epoch = facts.get("epoch") if isinstance(facts, dict) else None
    if not isinstance(facts, dict) or not isinstance(epoch, int | float) or not 0 <= epoch < 10**7:
        raise BadData("model.json is damaged: it does not describe a checkpoint.")
    row = {**facts, "v": 1, "file": f"epoch_{epoch:08.3f}.safetensors", "best": True, "time": time.time()}
    return to_part(row, "model.json", CheckpointFile)


def check_sums(folder: Path) -> None:
    """Raise BadData unless SHA256SUMS lists exactly the files that are there, each with its sum."""
    sums = listed(folder / SUMS)
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()} - {SUMS}
    for name in sorted(sums.keys() - found):
        raise BadData(f"The archive is incomplete: {name[:100]} is missing.")
    for name in sorted(found - sums.keys()):
        raise BadData(f"The archive holds {name[:100]!r}, which {SUMS} does not list: it was changed after it was "
                      "made. Ask for a new one.")
    for name, wanted in sorted(sums.items()):
        with (folder / name).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != wanted:
                raise BadData(f"{name} has the wrong sha256: it was damaged or changed on the way. Download or export "
                              "the archive again.")


def listed(path: Path) -> dict[str, str]:
    """The sha256 of each file that SHA256SUMS lists. Raises BadData when it is damaged."""
    if not path.is_file():
        raise BadData(f"This is not a model archive of DIGITS: {SUMS} is missing.")
    lines = path.read_bytes()[:1_000_000].decode(errors="replace").splitlines()
    pairs = [re.fullmatch(r"([0-9a-f]{64})  (\S[^\n]*)", line) for line in lines if line.strip()]
    if not pairs or not all(pairs):
        raise BadData(f"{SUMS} is damaged: every line must be a sha256, two blanks, and a file name.")
    return {pair[2]: pair[1] for pair in pairs if pair}


def check_weights(folder: Path, row: CheckpointFile) -> Path:
    """The weights. Raises BadData when they are missing or not those that model.json speaks of."""
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise BadData(f"The archive is incomplete: {WEIGHTS} is missing.")
    if weights.stat().st_size != row.bytes:
        raise BadData(f"{WEIGHTS} has {weights.stat().st_size} bytes, and model.json says {row.bytes}: the archive was "
                      "put together from two.")
    return weights


def read_reports(model: ModelFolder) -> dict[str, Report]:
    """The evaluations by split, each of the form that our own have. Raises BadData for one that is not."""
    classes = model.network.classes
    found: dict[str, Report] = {}
    for split in SPLITS:
        path = model.path / "evaluation" / f"{split}.json"
        if not path.exists():
            continue
        report = read_part(path, Report)
        rows = [len(row) for row in report.confusion]
        whole = rows == [classes] * classes if classes <= LARGE else _are_inside(report.cells, classes)
        if report.split != split or not whole or len(report.per_class) != classes:
            raise BadData(f"evaluation/{split}.json does not belong to a model of {classes} classes.")
        found[split] = report
    return found


def _are_inside(cells: list[tuple[int, int, int]], classes: int) -> bool:
    return all(truth < classes and predicted < classes for truth, predicted, _ in cells)
