"""Services that publish a model to an inference server: Triton's model repository, or an archive that is posted."""

import re
import secrets
import shutil
from pathlib import Path
from typing import Any

from digits_core import files
from digits_core.errors import BadState, InvalidOptions, Problem
from digits_core.export import triton
from digits_core.export.publishing import PublishOptions
from digits_core.infer.signature import Port
from digits_core.jobs.model import Kind, Status
from digits_core.jobs.store import JobView
from digits_core.modelstore import packing
from digits_core.notify.channels import secret
from digits_core.options import check
from digits_core.safe.send import safe_send
from digits_core.services import exports
from digits_core.services.access import authorize
from digits_core.services.jobs import of_kind
from digits_core.services.modelstore import place
from digits_core.services.workspace import Workspace

Json = dict[str, Any]
ALONG = ("labels.txt", "preprocessing.json", "README.md", "verification.json")
"""What is posted with the graph."""


def ready(workspace: Workspace, model_id: str) -> list[JobView]:
    """The finished exports of a model, newest first: what can be published."""
    return [view for view in exports.of_model(workspace, model_id) if view.status is Status.DONE]


def precisions(workspace: Workspace, export_id: str) -> list[str]:
    """Those of an export's ONNX files."""
    return [row["precision"] for row in exports.report(workspace, export_id)["variants"] if row["format"] == "onnx"]


def name_for(model: JobView) -> str:
    """What a model is called elsewhere, unless somebody says otherwise."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", model.name).strip("._-")[:80] or "model"


def publish(workspace: Workspace, user: str, model_id: str, options: Json) -> Json:
    """Publish a verified export: {"where", "export", "name"} with "path" (archive), "folder" or "location".

    An archive lies in the jobs folder's ``.exports``: copy or send it. Raises InvalidOptions, BadState where nothing is
    exported yet, and what the folder or the server had against it.
    """
    authorize(user, "create")
    view = of_kind(workspace, model_id, Kind.MODEL, Kind.PRETRAINED)
    asked = check(PublishOptions, options)
    found = _Export(workspace, user, view, asked)
    told = {"where": asked.where, "export": found.view.id, "name": found.name}
    if asked.where == "server":
        return {**told, "location": _sent(workspace, found)}
    if asked.where == "folder":
        return {**told, "folder": str(_laid(workspace, found))}
    return {**told, "path": str(_packed(workspace, found, found.repository(), f"{found.name}-triton.zip"))}


class _Export:
    """The export that was chosen, and what it is called."""

    def __init__(self, workspace: Workspace, user: str, model: JobView, asked: PublishOptions) -> None:
        done = ready(workspace, model.id)
        if not done:
            raise BadState(f"'{model.name}' was not exported yet. Export it first: only what was held against PyTorch "
                           "is published.")
        chosen = [view for view in done if view.id == asked.export or not asked.export]
        if not chosen:
            raise InvalidOptions([Problem("export", f"is no finished export of '{model.name}'; there are "
                                                    f"{', '.join(view.id for view in done)}.")])
        self.view, self.asked = chosen[0], asked
        self.report = exports.report(workspace, self.view.id)
        variants = {row["precision"]: row for row in self.report["variants"] if row["format"] == "onnx"}
        if asked.precision not in variants:
            raise InvalidOptions([Problem("precision", f"The export has {', '.join(variants)}.")])
        self.variant = variants[asked.precision]
        self.graph = exports.file(workspace, user, self.view.id, self.variant["file"])
        self.folder = self.graph.parent
        self.taken, self.given = triton.port(self.report["input"]), triton.port(self.report["output"])
        self.name = asked.model_name or name_for(model)

    def repository(self) -> list[packing.Member]:
        """The files of a model repository, each with its path."""
        most = self.asked.max_batch if self.variant["batch"] == "any" and triton.can_batch(self.taken) else 0
        batching = triton.Batching(most, self.asked.delay_us) if most else None
        told = [(triton.LABELS, self.folder / "labels.txt")] if triton.tells_labels(self.given) else []
        return [(f"{self.name}/{triton.CONFIG}", triton.config(self.name, self.taken, self.given, batching).encode()),
                *((f"{self.name}/{name}", path) for name, path in told),
                (f"{self.name}/{self.asked.version}/{triton.MODEL}", self.graph)]

    def info(self) -> Json:
        """What an inference server is told about the model: DIGITS' info.json and what its dialog asked for."""
        modality = {"modality": self.asked.modality} if self.asked.modality else {}
        told = (files.read_json(self.view.folder.path / "about.json") or {}).get("info") or {}
        return {**told, "model file": triton.MODEL, "snapshot file": triton.MODEL,
                "description": self.asked.description, **_layers("input", self.taken), **_layers("output", self.given),
                **modality}


def _layers(kind: str, port: Port) -> Json:
    return {f"{kind} layer": port.name, f"{kind} shape": list(port.shape), f"{kind} type": port.dtype}


def _packed(workspace: Workspace, found: _Export, members: list[packing.Member], name: str, kind: str = "zip") -> Path:
    target = place(workspace, f"{found.view.id}-{secrets.token_hex(4)}") / name  # with other options it is another
    with files.atomic(target) as out:
        packing.pack(out, kind, members)
    return target


def _sent(workspace: Workspace, found: _Export) -> str:
    settings = workspace.settings
    if not settings.publish_url:
        raise BadState("No inference server is set up here (DIGITS_PUBLISH_URL).")
    rest = [(name, found.folder / name) for name in ALONG if (found.folder / name).is_file()]
    members: list[packing.Member] = [("info.json", files.to_bytes(found.info())), (triton.MODEL, found.graph),
                                     *rest]
    archive = _packed(workspace, found, members, f"{found.name}.tar.gz", "tar.gz")
    try:
        return safe_send(f"{settings.publish_url.rstrip('/')}/models", "model", archive,
                         secret(settings.publish_token) if settings.publish_token else "").location
    finally:
        shutil.rmtree(archive.parent)


def _laid(workspace: Workspace, found: _Export) -> Path:
    """Put the version into the repository, where it appears whole."""
    if not workspace.settings.publish_dir:
        raise BadState("No model repository is set up here (DIGITS_PUBLISH_DIR).")
    model = Path(workspace.settings.publish_dir) / found.name
    version = model / str(found.asked.version)
    members = {name.partition("/")[2]: content for name, content in found.repository()}
    config = members.pop(triton.CONFIG)
    assert isinstance(config, bytes)
    if version.exists():
        raise BadState(f"{found.name} has a version {version.name} there already. Choose another number.")
    try:
        if (model / triton.CONFIG).exists() and (model / triton.CONFIG).read_bytes() != config:
            raise BadState(f"There is another model called {found.name} there, with other inputs, outputs or batches. "
                           "Choose another name.")
        model.mkdir(parents=True, exist_ok=True)
        for name in members.keys() - {f"{version.name}/{triton.MODEL}"}:
            files.write_atomic(model / name, (found.folder / name).read_bytes())
        files.write_atomic(model / triton.CONFIG, config)
        _appear(found.graph, version, f".{version.name}-{found.view.id}")
    except OSError as error:
        raise BadState(f"The model repository (DIGITS_PUBLISH_DIR) cannot be written: {error.strerror}.") from None
    return version


def _appear(graph: Path, version: Path, name: str) -> None:
    hidden = version.with_name(name)
    shutil.rmtree(hidden, ignore_errors=True)
    try:
        hidden.mkdir()
        with files.atomic(hidden / triton.MODEL) as out, graph.open("rb") as source:
            shutil.copyfileobj(source, out)
        hidden.rename(version)
        files.fsync_folder(version.parent)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
