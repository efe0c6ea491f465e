"""Segmentation datasets are built of two folders: every mask is what was drawn, and what cannot be used is named."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from digits_core.data.preview import look
from digits_core.data.records import Records
from digits_core.data.skipped import read_skipped
from digits_core.jobs.model import Job, Kind, Status
from digits_core.jobs.runner import InlineRunner
from digits_core.jobs.scheduler import Scheduler
from digits_core.jobs.store import JobView
from digits_core.options import check
from digits_core.services.workspace import Workspace
from digits_core.tasks.segmentation import TASK, DatasetOptions
from tests.data.shapes import COLOURS, LABELS, palette_image, shape_folders, shapes

Build = Callable[..., JobView]


@pytest.fixture
def build(workspace: Workspace) -> Build:
    """``build(images=..., labels=...)`` runs a whole build of grey pictures and gives the job."""
    def run(**options: object) -> JobView:
        values = check(DatasetOptions, {"channels": "gray", "val_percent": 25, **options}).model_dump(mode="json")
        job = Job(workspace.store.new_id(), Kind.DATASET, "segmentation", "set", "me", time.time(), values)
        workspace.store.submit(job, None)
        scheduler = Scheduler(workspace.store, workspace.settings, InlineRunner(), gpu_ids=list)
        scheduler.tick()
        scheduler.close()
        return workspace.store.get(job.id)

    return run


def folders(top: Path, count: int = 8) -> dict[str, str]:
    images, labels = shape_folders(top, count)
    return {"images": str(images), "labels": str(labels)}


def masks(view: JobView, split: str) -> dict[str, np.ndarray]:
    """The masks of a split by the name of their picture."""
    records = Records(view.folder.path / f"{split}.lmdb")
    return {record.path: record.target.array() for record in records.records(range(len(records)))}


def test_every_mask_is_the_one_that_was_drawn(build: Build, tmp_path: Path) -> None:
    view = build(**folders(tmp_path))
    assert view.status is Status.DONE, view.state
    facts, drawn = view.folder.manifest(), shapes(8)[1]
    assert (facts["shape"], facts["labels"], facts["target"]) == (
        [1, 32, 32], ["0", "1", "2"], {"shape": [32, 32], "dtype": "uint8"})
    assert [tuple(colour) for colour in facts["details"]["rule"]["colours"]] == COLOURS
    found = {**masks(view, "train"), **masks(view, "val")}
    assert len(found) == 8 and facts["splits"]["val"]["entries"] == 2
    for name, mask in found.items():
        assert np.array_equal(mask, drawn[int(name[:4])]), name
    assert facts["splits"]["train"]["per_class"] == np.bincount(
        np.concatenate([mask.ravel() for mask in masks(view, "train").values()])).tolist()


def test_colours_of_a_file_name_the_classes(build: Build, tmp_path: Path) -> None:
    given = folders(tmp_path)
    for path in Path(given["labels"]).iterdir():
        Image.open(path).convert("RGB").save(path)
    rows = [f"{' '.join(map(str, colour))} {name}" for colour, name in zip(COLOURS, LABELS, strict=True)]
    (tmp_path / "map.txt").write_text("\n".join(rows))
    view = build(**given, colour_map="file", colour_map_file=str(tmp_path / "map.txt"))
    assert view.folder.manifest()["labels"] == LABELS
    found = {**masks(view, "train"), **masks(view, "val")}
    assert np.array_equal(found["0000.png"], shapes(8)[1][0])


def test_a_class_that_only_one_label_image_has_is_found(build: Build, tmp_path: Path) -> None:
    given = folders(tmp_path, 30)
    rare = shapes(30)[1][17]
    rare = np.where(rare == 2, 6, rare).astype(np.uint8)
    palette_image(rare, [*COLOURS] * 3).save(Path(given["labels"]) / "0017.png")
    view = build(**given)
    assert view.status is Status.DONE, view.state
    assert len(view.folder.manifest()["labels"]) == 7
    assert view.folder.manifest()["bad"] == 0


def test_what_cannot_be_used_is_skipped_with_its_reason(build: Build, tmp_path: Path) -> None:
    given = folders(tmp_path, 12)
    labels = Path(given["labels"])
    (labels / "0000.png").write_bytes(b"nothing")
    (labels / "0001.png").unlink()
    Image.new("P", (7, 5)).save(labels / "0002.png")
    (labels / "alone.png").write_bytes((labels / "0003.png").read_bytes())
    view = build(**given, bad_percent=50)
    assert view.status is Status.DONE, view.state
    reasons = {row.path: row.reason for row in read_skipped(view.folder.path / "skipped.csv")}
    assert sorted(reasons) == ["0000.png", "0001.png", "0002.png"]
    assert "label image 0000.png is no picture" in reasons["0000.png"]
    assert reasons["0001.png"] == "has no label image"
    assert "is 32 x 32, but its label image" in reasons["0002.png"]


def test_wrong_values_stop_the_build_with_the_file_and_the_value(build: Build, tmp_path: Path) -> None:
    given = folders(tmp_path)
    (tmp_path / "names.txt").write_text("background\ndisc\n")
    view = build(**given, labels_file=str(tmp_path / "names.txt"))
    assert view.status is Status.FAILED
    assert ".png holds values that are no class: 2 in" in str(view.state.reason)


def test_separate_folders_replace_the_percentage(build: Build, tmp_path: Path) -> None:
    given, other = folders(tmp_path / "a", 5), folders(tmp_path / "b", 3)
    view = build(**given, val_images=other["images"], val_labels=other["labels"])
    assert {name: split["entries"] for name, split in view.folder.manifest()["splits"].items()} == {
        "train": 5, "val": 3}


@pytest.mark.parametrize("mode", ["squash", "crop", "fill", "half"])
def test_masks_are_placed_like_their_pictures(build: Build, tmp_path: Path, mode: str) -> None:
    """The pictures are their masks, as grey values far apart."""
    (tmp_path / "images").mkdir()
    (tmp_path / "labels").mkdir()
    for number, mask in enumerate(shapes(4, 60)[1]):
        Image.fromarray(mask[:40] * 100).save(tmp_path / "images" / f"{number}.png")
        Image.fromarray(mask[:40]).save(tmp_path / "labels" / f"{number}.png")
    view = build(images=str(tmp_path / "images"), labels=str(tmp_path / "labels"), width=30, height=30,
                 resize_mode=mode)
    records = Records(view.folder.path / "train.lmdb")
    for record in records.records(range(len(records))):
        pixels, mask = record.pixels()[0].astype(int), record.target.array()
        inside = mask != 255
        assert inside.all() == (mode in ("squash", "crop"))
        right, shifted = ((abs(pixels - other * 100.0)[inside] < 50).mean()
                          for other in (mask, np.roll(mask, (2, 2), (0, 1))))
        assert right > 0.95 and right > shifted


def test_a_quick_look_shows_what_a_build_would_make(tmp_path: Path) -> None:
    options = check(DatasetOptions, {**folders(tmp_path), "channels": "gray"})
    found = look(TASK, options, [], [])
    assert (found.labels, found.pictures, found.problems) == (["0", "1", "2"], 8, [])
    assert set(found.example) == {"squash", "crop", "fill", "half"}
    assert json.dumps(found.splits) == '{"train": 7, "val": 1}'
