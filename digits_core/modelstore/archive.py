"""Our own model archive: what is in it, and writing one. Reading is install's business; torch is not needed here.

A zip or tar of plain files: model.json (what it is), info.json (the same in DIGITS' words), network.json, network.py
(of a custom network), labels.txt, preprocessing.json, mean.npy (when used), reference.safetensors (when answers need
one), weights.safetensors, evaluation/*.json (when there is one), README.md for people, SHA256SUMS over all of them. An
export (digits_core.export) adds graphs that other programs run. The same model gives the same bytes, whenever and
wherever it is packed.
"""

import hashlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import digits_core
from digits_core import files
from digits_core.errors import BadData
from digits_core.infer import reference
from digits_core.infer.model_files import CheckpointFile, sha256_of
from digits_core.infer.model_folder import ModelFolder
from digits_core.modelstore import packing
from digits_core.networks.custom import FILE

Json = dict[str, Any]
SCHEMA = 1
FORMAT = "digits-model"
WEIGHTS = "weights.safetensors"
SUMS = "SHA256SUMS"
SPLITS = ("val", "test")


@dataclass(frozen=True)
class Facts:
    """What the archive says about a model beyond the model's own files; ``trained`` is seconds since 1970."""

    name: str
    task: str
    job: str
    dataset: str = ""
    trained: float | None = None
    notes: str = ""
    info: Json = field(default_factory=dict)
    """info.json: the model in DIGITS' words, see digits_core.services.info."""


def file_name(name: str, row: Json, kind: str = "zip") -> str:
    """A file name for the download that every system accepts; ``kind`` is its ending."""
    plain = re.sub(r"[^\w.-]+", "_", name).strip("._")[:80] or "model"
    return f"{plain}_epoch_{float(row['epoch']):g}.{kind}"


def write(model: ModelFolder, row: Json, facts: Facts, target: Path, kind: str = "zip") -> None:
    """Write the archive of a model at the checkpoint that ``row`` describes; it appears whole or not at all.

    Streams: weights of any size pass through in pieces. Raises BadData when the checkpoint is damaged, DiskFull when
    there is no room.
    """
    checkpoint = model.checkpoint(str(row["file"]))
    weights = model.weights(checkpoint)
    if not weights.is_file():
        raise BadData(f"The weights {weights.name} are missing. Choose another checkpoint.")
    require_room(target, weights.stat().st_size)
    check_sum(weights, checkpoint)
    small = dict(small_files(model, checkpoint, facts))
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in small.items()}
    sums[WEIGHTS] = checkpoint.sha256
    with files.atomic(target) as file:
        packing.pack(file, kind, [*small.items(), (WEIGHTS, weights), (SUMS, sums_text(sums).encode())])


def check_sum(weights: Path, row: CheckpointFile) -> None:
    """Raise BadData unless the weights are those that were saved."""
    if sha256_of(weights) != row.sha256:
        raise BadData(f"The weights {row.file} have changed since they were saved (wrong sha256), so they were "
                      "not exported. Choose another checkpoint.")


def sums_text(sums: dict[str, str]) -> str:
    """The content of SHA256SUMS for sums by file name."""
    return "".join(f"{value}  {name}\n" for name, value in sorted(sums.items()))


def require_room(target: Path, size: int) -> None:
    """Raise DiskFull unless an archive of so many bytes, and a bit, may be written there."""
    need = size + 10_000_000
    if files.free_bytes(target) < need:
        raise files.DiskFull(f"The archive needs {need / 1e6:.0f} MB, and {files.free_bytes(target) / 1e6:.0f} MB are "
                             "free. Free some space (System page: disk by job), then export again.")


def small_files(model: ModelFolder, row: CheckpointFile, facts: Facts, more: str = "") -> Iterator[tuple[str, bytes]]:
    """Names and contents of everything but weights and sums; ``more`` is a section for the model card."""
    yield "model.json", files.to_bytes(_model_json(row, facts))
    yield "info.json", files.to_bytes({**facts.info, "snapshot file": WEIGHTS})
    for name in ("network.json", "labels.txt", "preprocessing.json"):
        yield name, (model.path / name).read_bytes()
    if model.source:
        yield FILE, model.source.encode()
    if model.preprocessing.mean == "image":
        yield "mean.npy", (model.path / "mean.npy").read_bytes()
    if model.at(row).reference:
        yield reference.FILE, (model.path / reference.FILE).read_bytes()
    for split in SPLITS:
        report = files.read_json(model.path / "evaluation" / f"{split}.json")
        if report and report.get("checkpoint_epoch") == row.epoch:  # a report of other weights would be a lie
            yield f"evaluation/{split}.json", files.to_bytes(report)
    yield "README.md", card(model, row, facts, more).encode()


def _model_json(row: CheckpointFile, facts: Facts) -> Json:
    return {"v": SCHEMA, "format": FORMAT, "name": facts.name, "task": facts.task, "job": facts.job,
            "dataset": facts.dataset, "trained": facts.trained, "notes": facts.notes,
            "made_by": {"program": "DIGITS", "version": digits_core.__version__},
            "checkpoint": {"epoch": row.epoch, "step": row.step, "sha256": row.sha256, "bytes": row.bytes,
                           "metrics": row.metrics}}


def card(model: ModelFolder, row: CheckpointFile, facts: Facts, more: str = "") -> str:
    """A short model card for people."""
    steps, network = model.preprocessing, model.network
    colours = {"gray": "grey", "color": "colour"}.get(steps.channels, "all channels")
    crop = f", then the middle {steps.crop} x {steps.crop}" if steps.crop else ""
    trained = time.strftime("%Y-%m-%d", time.gmtime(facts.trained)) if facts.trained else "unknown"
    labels = ", ".join(model.labels[:20]) + (f" and {len(model.labels) - 20} more" if len(model.labels) > 20 else "")
    metrics = "\n".join(f"| {name} | {value:.4f} |" for name, value in sorted(row.metrics.items()))
    return f"""# {_line(facts.name)}

A {network.network} network for image {network.task}, exported by DIGITS {digits_core.__version__}.

| | |
|---|---|
| Classes | {len(model.labels)}: {_line(labels)} |
| Input | {colours}, {steps.width} x {steps.height} pixels ({steps.resize_mode}){crop} |
| Mean subtracted | {steps.mean} |
| Parameters | {network.parameters} |
| Epoch | {row.epoch:g} |
| Dataset | {_line(facts.dataset) or "unknown"} |
| Trained | {trained} |
{metrics}

## Use

In DIGITS: Model Store, Import. Anywhere else: `weights.safetensors` holds the network's weights; a picture is resized
as `preprocessing.json` says, the mean is subtracted, the result divided by `std_pixel` (at least 1), all on the scale
0..255. Class k is line k of `labels.txt`, counted from 0. `sha256sum -c SHA256SUMS` checks the files.

{more}
{facts.notes.strip()}
""".rstrip() + "\n"


def _line(text: str) -> str:
    return " ".join(text.replace("|", "/").split())
