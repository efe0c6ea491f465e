"""The folder that becomes an archive: everything that the model needs elsewhere, with sums. No torch here."""

import os
import shutil
from pathlib import Path
from typing import Any

from digits_core import files
from digits_core.export.script import script
from digits_core.infer.model_files import CheckpointFile, sha256_of
from digits_core.infer.model_folder import ModelFolder
from digits_core.modelstore import archive

Json = dict[str, Any]
REQUIREMENTS = "onnxruntime\nnumpy\npillow\n"
UNSTEADY = ("p50_ms", "p95_ms")
"""What is measured anew each time stays out, so that the same model gives the same bytes."""


def lay_out(model: ModelFolder, row: CheckpointFile, report: Json, about: Json, made: Path, target: Path) -> None:
    """Put the files of ``made`` and all others into the folder ``target``, which appears whole or not at all."""
    facts = archive.Facts(**about)
    hidden = made / "whole"
    hidden.mkdir()
    for name, content in archive.small_files(model, row, facts, _usage(report)):
        path = hidden / name
        path.parent.mkdir(exist_ok=True)
        files.write_atomic(path, content)
    files.write_atomic(hidden / "predict.py", script(model))
    files.write_atomic(hidden / "requirements.txt", REQUIREMENTS)
    files.write_atomic(hidden / "verification.json", _steady(report))
    for variant in report["variants"]:
        (made / variant["file"]).rename(hidden / variant["file"])
    _copy(model.weights(row), hidden / archive.WEIGHTS)
    archive.check_sum(hidden / archive.WEIGHTS, row)
    sums = {path.relative_to(hidden).as_posix(): sha256_of(path) for path in hidden.rglob("*") if path.is_file()}
    files.write_atomic(hidden / archive.SUMS, archive.sums_text(sums))
    hidden.rename(target)
    files.fsync_folder(target.parent)


def _copy(source: Path, target: Path) -> None:
    """The same bytes, without a second place on the disk where it allows that."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _steady(report: Json) -> Json:
    """What was checked and found, for the archive."""
    def kept(row: Json) -> Json:
        return {name: value for name, value in row.items() if name not in UNSTEADY and name != "reason"}

    return {**{name: report[name] for name in ("v", "epoch", "source", "pictures", "measure", "input", "output")},
            "reference": kept(report["reference"]), "variants": [kept(row) for row in report["variants"]]}


def _usage(report: Json) -> str:
    """A section of the model card."""
    rows = "\n".join(
        f"| `{row['file']}` | {row['name']} | {row['bytes'] / 1e6:.2f} MB | {row['agreement']:.2%} | "
        f"{'-' if row['difference'] is None else format(row['difference'], '.2g')} |" for row in report["variants"])
    port, output = report["input"], report["output"]
    return f"""## Use without DIGITS

`pip install -r requirements.txt`, then `python predict.py PICTURE...` prints an answer a line, as JSON.
The models take `{port['name']}`, {port['dtype']} {_shape(port['shape'])}, resized as `preprocessing.json` says; crop,
mean and spread are inside. They give `{output['name']}`, {output['dtype']} {_shape(output['shape'])}.

Checked against PyTorch with {report['source'].rstrip('.')}:

| File | | Size | Agreement | Largest difference |
|---|---|---|---|---|
{rows}
"""


def _shape(shape: list[int]) -> str:
    return "(" + ", ".join("any" if length < 0 else str(length) for length in shape) + ")"
