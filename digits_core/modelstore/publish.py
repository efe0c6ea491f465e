"""The worker that publishes a model in the team's store: asks about its pins first, then puts a version together."""

import io
from pathlib import Path
from typing import Any

from PIL import Image

from digits_core import files
from digits_core.data.pictures import to_image
from digits_core.data.planes import ALL
from digits_core.data.records import Records
from digits_core.errors import DigitsError
from digits_core.infer.model_files import sha256_of
from digits_core.infer.model_folder import ModelFolder
from digits_core.jobs.context import Context
from digits_core.modelstore import archive
from digits_core.modelstore.archive import SUMS
from digits_core.modelstore.gate import Gate, refusal
from digits_core.modelstore.pins import Pins
from digits_core.modelstore.team import TeamStore
from digits_core.modelstore.unpacked import check_sums, listed
from digits_core.safe.archives import Limits, safe_extract
from digits_core.settings import Settings
from digits_core.tasks import task

Json = dict[str, Any]
LIMITS = Limits(members=100, each=20_000_000_000)
PREVIEW, SIDE = "preview.png", 64
REPORT, MADE = "gate.json", "made"
"""What the pins found; the pictures that came where others were wanted."""


def run(context: Context) -> Json:
    """Publish a checkpoint of a model as the next version of a published model; returns name, version and pins.

    What the pins found is written to gate.json, also when the model is refused. Raises BadData then, unless a reason
    was given to publish it anyway.
    """
    settings, options = Settings.load(), context.job.options
    store = TeamStore(settings.team_folder)
    rows = _checked(context, settings, Pins(store, options["published"]))
    context.check_stop()
    with store.new() as hidden:
        number = store.publish(hidden, options["published"], _filled(context, hidden, rows), context.job.owner)
    context.log(f"published as version {number} of {options['published']} in {store.root}")
    return {"published": options["published"], "version": number, "pins": len(rows),
            "wrong": sum(not row["right"] for row in rows)}


def _checked(context: Context, settings: Settings, pins: Pins) -> list[Json]:
    options, done = context.job.options, 0
    gate = Gate(settings, task(context.job.task), options["model"], options["checkpoint_file"], pins,
                context.folder.path / MADE)
    total = max(1, gate.count())

    def tick(pictures: int) -> None:
        nonlocal done
        context.check_stop()
        done += pictures
        context.progress(0.8 * min(1, done / total), "Asking about the pins")

    context.progress(0.0, "Asking about the pins")
    rows = gate.rows(tick)
    files.write_atomic(context.folder.path / REPORT, {"v": 1, "rows": rows})
    problem = refusal(rows)
    if problem is not None and not options["anyway"]:
        raise problem
    if problem is not None:
        context.log(f"{problem} It is published all the same, because: {options['anyway']}")
    return rows


def _filled(context: Context, hidden: Path, rows: list[Json]) -> Json:
    """Fill the hidden folder with all that a version has; returns its info.json."""
    options = context.job.options
    context.progress(0.8, "Copying the model", unit="files")
    model = ModelFolder.read(context.store.folder(options["model"]).path)
    row = model.checkpoint(options["checkpoint_file"]).model_dump(mode="json")
    archive.write(model, row, archive.Facts(**options["facts"]), hidden / "model.zip")
    sums = _unpacked(context, hidden)
    size = sum((hidden / name).stat().st_size for name in sums)
    picture = preview(context.store.root / str(options["dataset"]), row)
    if picture:
        files.write_atomic(hidden / PREVIEW, picture)
    if options["license_text"]:
        files.write_atomic(hidden / "license.txt", options["license_text"])
    files.write_atomic(hidden / "aux.json", {"dataset": options["trained_on"], "license": options["license"],
                                             "logo": PREVIEW if picture else ""})
    wrong = [entry["why"] for entry in rows if not entry["right"]]
    return {**options["info"], "publication": context.job.id, "note": options["note"],
            "snapshot file": archive.WEIGHTS, "task": context.job.task, "network": model.network.network,
            "files": sums, "bytes": size, "metrics": {name.removeprefix("val/"): value for name, value
                                                      in row["metrics"].items() if name.startswith("val/")},
            "preview": PREVIEW if picture else "",
            "gate": {"pins": len(rows), "wrong": wrong, "anyway": options["anyway"] if wrong else ""}}


def _unpacked(context: Context, hidden: Path) -> dict[str, str]:
    """Lay out the archive as plain files; the sha256 of each."""
    packed, unpacked = hidden / "model.zip", hidden / "model"
    safe_extract(packed, unpacked, LIMITS, context.check_stop)
    packed.unlink()
    check_sums(unpacked)
    for path in list(unpacked.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)  # whoever serves the store may be another user
    for path in list(unpacked.iterdir()):
        path.rename(hidden / path.name)
    unpacked.rmdir()
    sums = listed(hidden / SUMS)
    sums.pop("info.json")  # a version has its own
    files.write_atomic(hidden / SUMS, archive.sums_text(sums))
    return {**sums, SUMS: sha256_of(hidden / SUMS)}


def preview(dataset: Path, row: Json) -> bytes:
    """Eight pictures of the dataset, side by side, as PNG; empty where there are none that could be shown."""
    database = next((path for split in ("val", "train") if (path := dataset / f"{split}.lmdb").is_dir()), None)
    facts = files.read_json(dataset / "manifest.json") or {}
    if database is None or not task(str(facts.get("task", "classification"))).pictures:
        return b""
    try:
        records = Records(database)
        places = [int(place * len(records) / 8) for place in range(min(8, len(records)))]
        images = [to_image(record.pixels()).convert("RGB") for record in records.records(places)
                  if record.encoding != ALL]
    except (DigitsError, OSError, ValueError):
        return b""
    sheet = Image.new("RGB", (SIDE * 4, SIDE * -(-len(images) // 4) or 1))
    for number, image in enumerate(images):
        sheet.paste(image.resize((SIDE, SIDE)), (number % 4 * SIDE, number // 4 * SIDE))
    file = io.BytesIO()
    sheet.save(file, "PNG")
    return file.getvalue() if images else b""
