"""The worker of an import: unpack, distrust, check, and lay out a model folder that everything else can use."""

import shutil
from pathlib import Path
from typing import Any

from digits_core import files
from digits_core.errors import BadData, DigitsError
from digits_core.infer.model_folder import ModelFolder
from digits_core.jobs.context import Context
from digits_core.modelstore import archive, foreign, published, uploaded
from digits_core.modelstore.fetched import obtain
from digits_core.modelstore.layout import publish, try_out
from digits_core.modelstore.unpacked import check_sums, check_weights, checkpoint_of, read_head, read_reports
from digits_core.safe.archives import Limits, safe_extract

Json = dict[str, Any]
LIMITS = Limits(members=100, each=20_000_000_000)


def run(context: Context) -> Json:
    """Install the uploaded archive, or weights without one; returns network, classes, parameters, epoch and accuracy.

    Until every check has passed nothing is in its place, so a bad archive leaves no model behind; the upload stays
    for a resume until the model is there.
    """
    options = context.job.options
    if "files" in options:
        return uploaded.single_files(context)
    if "entry" in options:
        return _from_store(context)
    if "model" in options:
        _from_model(context)
    elif "archive" not in options:
        return published.run(context)
    folder = context.folder.path
    upload, unpacked = folder / "upload" / "model.zip", folder / ".unpacked"
    if not upload.is_file():
        raise BadData("The uploaded archive is gone. Import it again.")
    shutil.rmtree(unpacked, ignore_errors=True)
    try:
        context.progress(0.0, "Unpacking", unit="files")
        safe_extract(upload, unpacked, LIMITS, context.check_stop, "The archive")
        context.check_stop()
        summary = _install(context, unpacked, folder)
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)
    shutil.rmtree(upload.parent, ignore_errors=True)
    return summary


def _from_model(context: Context) -> None:
    """Write the archive of a model of this server where an upload would lie: both go the same way from there."""
    options, target = context.job.options, context.folder.path / "upload" / "model.zip"
    context.progress(0.0, "Copying", unit="files")
    target.parent.mkdir(exist_ok=True)
    model = ModelFolder.read(context.store.folder(str(options["model"])).path)
    row = model.checkpoint(str(options["checkpoint_file"])).model_dump(mode="json")
    archive.write(model, row, archive.Facts(**options["facts"]), target)


def _from_store(context: Context) -> Json:
    fetched, entry = obtain(context)
    ours = (fetched / "model.json").is_file()
    try:
        summary = (_install(context, fetched, context.folder.path) if ours
                   else foreign.install(context, fetched, entry.info))
    except DigitsError:
        shutil.rmtree(fetched.parent, ignore_errors=True)
        raise
    path = context.folder.path / "origin.json"
    files.write_atomic(path, {**(files.read_json(path) or {"v": 1}), "store": entry.store, "license": entry.license,
                              "contributor": entry.contributor, "published": entry.published,
                              "published_version": entry.version, "verified": entry.verified})
    shutil.rmtree(fetched.parent, ignore_errors=True)
    return {**summary, "verified": entry.verified}


def _install(context: Context, unpacked: Path, folder: Path) -> Json:
    context.progress(0.4, "Checking", unit="files")
    ours = (unpacked / "model.json").exists() or (unpacked / archive.SUMS).exists()
    if not ours and (found := uploaded.archive(context, unpacked)):
        return found
    head = read_head(unpacked)
    check_sums(unpacked)
    row = checkpoint_of(head)
    weights = check_weights(unpacked, row)
    model = ModelFolder.read(unpacked)
    if model.source and not context.job.options.get("allow_code"):
        raise BadData("The archive brings its own Python code (a custom network). Import it again and allow that, if "
                      "you trust whoever made it.")
    reports = read_reports(model) if model.network.task == "classification" else {}
    context.check_stop()
    context.progress(0.7, "Loading the weights", unit="files")
    parameters = try_out(model, weights, row)
    context.check_stop()
    publish(model, weights, row, reports, parameters, folder)
    files.write_atomic(folder / "origin.json", _origin(head))
    accuracy = row.metrics.get("val/accuracy", reports["val"].accuracy if "val" in reports else None)
    facts = {"network": model.network.network, "classes": model.network.classes, "parameters": parameters,
             "best_epoch": row.epoch, "bytes": row.bytes, "accuracy": accuracy,
             **{name.removeprefix("val/"): value for name, value in row.metrics.items() if name.startswith("val/")}}
    return {key: value for key, value in facts.items() if value is not None}


def _origin(head: Json) -> Json:
    """Where the model comes from, for its page: texts of the archive, cut short."""
    made = head.get("made_by") if isinstance(head.get("made_by"), dict) else {}
    texts = {"name": head.get("name"), "job": head.get("job"), "dataset": head.get("dataset"),
             "version": (made or {}).get("version"), "notes": head.get("notes")}
    trained = head.get("trained")
    return {"v": 1, **{key: value[:5000] for key, value in texts.items() if isinstance(value, str) and value},
            **({"trained": trained} if isinstance(trained, int | float) else {})}
