"""Services on serving: models as inference servers name them, arrays in and out, and what is loaded."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from digits_core.errors import BadData, DigitsError, NotFound
from digits_core.infer.client import InferenceClient
from digits_core.infer.model_folder import ModelFolder
from digits_core.infer.signature import ANY, Port, Signature, signature
from digits_core.infer.tensors import from_text, to_bytes
from digits_core.jobs.model import Kind
from digits_core.jobs.store import JobView
from digits_core.services.access import authorize
from digits_core.services.jobs import of_kind
from digits_core.services.models import checkpoints, find_checkpoint
from digits_core.services.workspace import Workspace

Json = dict[str, Any]
Tensor = NDArray[Any] | list[bytes]
ENCODED = "_bytes"
"""Behind the name of the input: the one that takes files of pictures, or texts, instead of numbers."""
ANSWER = "answer"
"""The output that says what ``services.inference.classify`` says, as JSON; only who asks for it gets it."""
DATATYPES = {"uint8": "UINT8", "float32": "FP32"}
MOST = 1000
"""Entries of one request."""


class Served(NamedTuple):
    """A model at a checkpoint, and what goes in and out."""

    view: JobView
    row: Json
    signature: Signature

    @property
    def version(self) -> str:
        """The checkpoint's epoch."""
        return f"{self.row['epoch']:g}"


def find(workspace: Workspace, name: str, version: str = "") -> Served:
    """A model by its id, or by its name where no other model has it; ``version`` is an epoch, best (default) or last.

    Raises NotFound and BadData, which say what is missing.
    """
    view = _by_name(workspace, name)
    row = find_checkpoint(view, version or "best")
    return Served(view, row, signature(ModelFolder.read(view.folder.path)))


def _by_name(workspace: Workspace, name: str) -> JobView:
    try:
        return of_kind(workspace, name, Kind.MODEL, Kind.PRETRAINED)
    except NotFound:
        found = [view for view in _models(workspace) if view.name == name]
    if len(found) != 1:
        raise NotFound(f"There is no model {name[:80]!r}." if not found else
                       f"{len(found)} models are called {name[:80]!r}; use the id of one.")
    return found[0]


def _models(workspace: Workspace) -> list[JobView]:
    return [view for view in workspace.store.jobs() if view.job.kind in (Kind.MODEL, Kind.PRETRAINED)]


def index(workspace: Workspace) -> list[Json]:
    """All models: {"name" (the id), "version", "state" (READY or UNAVAILABLE), "reason"}."""
    found = []
    for view in _models(workspace):
        try:
            row = find_checkpoint(view)
            found.append({"name": view.id, "version": f"{row['epoch']:g}", "state": "READY", "reason": ""})
        except DigitsError as error:
            found.append({"name": view.id, "version": "", "state": "UNAVAILABLE", "reason": str(error)})
    return found


def describe(workspace: Workspace, name: str, version: str = "") -> Json:
    """{"name", "versions", "platform", "inputs", "outputs"}, as the Open Inference Protocol describes a model.

    Exactly one of the inputs is to be given.
    """
    served = find(workspace, name, version)
    source, found = served.signature
    batch = ANY if served.signature.batched else 1
    return {"name": name, "platform": "digits",
            "versions": [f"{row['epoch']:g}" for row in checkpoints(served.view)],
            "inputs": [_told(source), {"name": source.name + ENCODED, "datatype": "BYTES", "shape": [batch]}],
            "outputs": [_told(found), {"name": ANSWER, "datatype": "BYTES", "shape": [ANY]}]}


def _told(port: Port) -> Json:
    return {"name": port.name, "datatype": DATATYPES[port.dtype], "shape": list(port.shape)}


def infer(workspace: Workspace, user: str, served: Served, inputs: Mapping[str, Tensor], outputs: Sequence[str] = (),
          top: int = 5) -> dict[str, Tensor]:
    """The outputs that are asked for (none: the signature's), for one input: its array, or a list of files or texts.

    Raises BadData when names, types or shapes do not fit, or an entry cannot be read: all are answered, or none.
    """
    authorize(user, "predict", served.view)
    source, found = served.signature
    wanted = list(outputs) or [found.name]
    if unknown := [name for name in wanted if name not in (found.name, ANSWER)]:
        raise BadData(f"There is no output {unknown[0][:60]!r}; there are {found.name} and {ANSWER}.")
    name, entries = _entries(source, inputs)
    if not entries or len(entries) > MOST:
        raise BadData(f"{name} holds {len(entries)} entries; 1 to {MOST} are answered at once.")
    if found.name in wanted and not served.signature.batched and len(entries) > 1:
        raise BadData(f"{found.name} is told of one entry at a time (got {len(entries)}); ask for {ANSWER} instead.")
    rows = InferenceClient(workspace.settings).tensors(
        served.view.id, str(served.row["file"]), entries, name == source.name, top if ANSWER in wanted else 0)
    if failed := [f"{row['image']} {row['error']}." for row in rows if "error" in row]:
        raise BadData(" ".join(failed[:5]))
    arrays = [from_text(row.pop("array")) for row in rows]
    made: dict[str, Tensor] = {found.name: np.stack(arrays) if served.signature.batched else arrays[0],
                               ANSWER: [json.dumps(row).encode() for row in rows]}
    return {output: made[output] for output in wanted}


def _entries(source: Port, inputs: Mapping[str, Tensor]) -> tuple[str, list[tuple[str, bytes]]]:
    """Name of the input that was given, and its entries with names. Raises BadData unless it is one that there is."""
    known = (source.name, source.name + ENCODED)
    if len(inputs) != 1 or next(iter(inputs)) not in known:
        raise BadData(f"Give one input: {' or '.join(known)} (got {', '.join(inputs)[:80] or 'none'}).")
    (name, given), = inputs.items()
    if name != source.name:
        if not isinstance(given, list):
            raise BadData(f"{name} holds files (BYTES), not numbers.")
        return name, [(f"{name} {number}", data) for number, data in enumerate(given)]
    if isinstance(given, list) or str(given.dtype) != source.dtype or not fits(given.shape, source.shape):
        got = "BYTES" if isinstance(given, list) else f"{given.dtype} {list(given.shape)}"
        raise BadData(f"{name} must be {source.dtype} {list(source.shape)} (got {got}); -1 is any length.")
    return name, [(f"{name} {number}", to_bytes(one)) for number, one in enumerate(given)]


def fits(shape: Sequence[int], wanted: Sequence[int]) -> bool:
    """Whether a shape is one of those meant."""
    return len(shape) == len(wanted) and all(want in (ANY, length) for length, want in zip(shape, wanted, strict=True))


def loaded(workspace: Workspace) -> list[Json]:
    """Models that the inference processes keep loaded now, the one asked last at the end; starts no process.

    Each has {"model", "name", "epoch", "file", "device", "pid", "bytes"} with what infer.tally counts: requests,
    failed, pictures, runs, batches, p50_ms, p95_ms, last. Sizes are bytes.
    """
    found = []
    for process in InferenceClient(workspace.settings).running():
        for row in process.get("served", []):
            if (workspace.store.root / row["model"]).is_dir():
                found.append({**row, "name": workspace.store.get(row["model"]).name, "device": process["device"],
                              "pid": process["pid"]})
    return sorted(found, key=lambda row: float(row["last"] or 0))


def statistics(workspace: Workspace, name: str = "", version: str = "") -> list[Json]:
    """Counts of loaded models as Triton tells them, times in nanoseconds; of one that nobody asked yet, zeros."""
    rows = loaded(workspace)
    if not name:
        return [_statistics(row["model"], row) for row in rows]
    served = find(workspace, name, version)
    row = next((row for row in rows if (row["model"], row["file"]) == (served.view.id, served.row["file"])), None)
    return [_statistics(name, row or {"epoch": served.row["epoch"]})]


def _statistics(name: str, row: Json) -> Json:
    spent = row.get("spent_s", {})

    def pair(counted: str) -> Json:
        return {"count": row.get(counted, 0), "ns": round(spent.get(counted, 0) * 1e9)}

    return {"name": name, "version": f"{row['epoch']:g}", "last_inference": round((row.get("last") or 0) * 1000),
            "inference_count": row.get("pictures", 0), "execution_count": row.get("runs", 0),
            "inference_stats": {"success": pair("requests"), "fail": pair("failed"), "compute_infer": pair("runs")},
            "batch_stats": [{"batch_size": size, "compute_infer": {"count": runs, "ns": round(seconds * 1e9)}}
                            for size, runs, seconds in row.get("batches", [])]}
