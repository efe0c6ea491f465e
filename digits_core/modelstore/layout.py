"""The model folder of an imported model: its weights are tried out first, then everything gets its place."""

import os
import time
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np
import torch

from digits_core import files
from digits_core.errors import BadData
from digits_core.infer import reference
from digits_core.infer.answers import Asked
from digits_core.infer.model_files import CheckpointFile, sha256_of
from digits_core.infer.model_folder import ModelFolder
from digits_core.infer.predictor import load_network, normalisation, read_weights
from digits_core.jobs.context import Context
from digits_core.modelstore.archive import WEIGHTS
from digits_core.modelstore.unpacked import Report
from digits_core.networks.custom import FILE
from digits_core.tasks import task

Json = dict[str, Any]


def settle(context: Context, work: Path, origin: Json, epoch: float = 0.0,
           metrics: dict[str, float] | None = None) -> Json:
    """Make the small files and the weights in ``work`` the job's model; returns its key figures.

    Everything is tried out before anything gets its place. ``origin`` is what its page tells about where it is from.
    """
    row = CheckpointFile(v=1, epoch=epoch, file=f"epoch_{epoch:08.3f}.safetensors", best=True, metrics=metrics or {},
                         sha256=sha256_of(work / WEIGHTS), bytes=(work / WEIGHTS).stat().st_size, time=time.time())
    model = ModelFolder.read(work)
    context.progress(0.9, "Trying them out", unit="files")
    parameters = try_out(model, work / WEIGHTS, row)
    context.check_stop()
    publish(model, work / WEIGHTS, row, {}, parameters, context.folder.path)
    files.write_atomic(context.folder.path / "origin.json", origin)
    network = model.network
    context.log(f"{network.network}: {parameters:,} parameters, {network.classes} classes, from {origin['name']}")
    return {"network": network.network, "classes": network.classes, "parameters": parameters, "best_epoch": epoch,
            "bytes": row.bytes,
            **{name.removeprefix("val/"): value for name, value in row.metrics.items() if name.startswith("val/")}}


def try_out(model: ModelFolder, weights: Path, row: CheckpointFile) -> int:
    """Build the network, load the weights strictly, classify a black picture; returns the number of parameters."""
    network = load_network(model, read_weights(weights, row.sha256, row.bytes), WEIGHTS).eval()
    mean, std = normalisation(model)
    black_BCHW = torch.zeros(1, *model.network.input_shape)
    answerer = resolve_name(task(model.network.task).answerer)()
    with torch.inference_mode():
        found = answerer.finish(network((black_BCHW - mean) / std))
    if not all(np.isfinite(array).all() for array in found):
        raise BadData("The weights give values that are not numbers (NaN): the training went wrong before the export.")
    try:
        answerer.words(found[0], model.at(row), Asked("", model.network.input_shape[2:0:-1], 5))
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise BadData(f"{reference.FILE} does not suit the network: {error}.") from error
    return sum(parameter.numel() for parameter in network.parameters())


def publish(model: ModelFolder, weights: Path, row: CheckpointFile, reports: dict[str, Report], parameters: int,
             folder: Path) -> None:
    """Write what was understood, not what was sent. The checkpoint's json comes last: it makes the model usable."""
    for name in ("checkpoints", "evaluation"):
        (folder / name).mkdir(exist_ok=True)
    network = model.network.model_copy(update={"parameters": parameters})
    if model.source:
        files.write_atomic(folder / FILE, model.source)
    files.write_atomic(folder / "network.json", network.model_dump(mode="json"))
    files.write_atomic(folder / "preprocessing.json", model.preprocessing.model_dump(mode="json"))
    files.write_atomic(folder / "labels.txt", "".join(f"{label}\n" for label in model.labels))
    if model.preprocessing.mean == "image":
        with files.atomic(folder / "mean.npy") as file:
            np.save(file, model.whole_mean(), allow_pickle=False)
    if found := model.at(row).reference:
        reference.write(folder, found, row.sha256)
    for split, report in reports.items():
        files.write_atomic(folder / "evaluation" / f"{split}.json", report.model_dump(mode="json"))
    target = folder / "checkpoints" / row.file
    weights.replace(target)
    with target.open("rb") as file:
        os.fsync(file.fileno())
    files.fsync_folder(target.parent)
    files.write_atomic(target.with_suffix(".json"), row.model_dump(mode="json"))
