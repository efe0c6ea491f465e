"""Detection datasets: every stored box lies around the pixels that it is about, and nothing is dropped in silence."""

import json
import time
import zipfile
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
from digits_core.tasks.detection import TASK, DatasetOptions
from tests.data.boxed import NAMES, Boxed, boxed, kitti, pixels, voc, write

Build = Callable[..., JobView]


@pytest.fixture
def build(workspace: Workspace) -> Build:
    """``build(folder=..., label_folder=...)`` runs a whole build of grey pictures and gives the job."""
    def run(fill: object = None, **options: object) -> JobView:
        given = {"channels": "gray", "val_percent": 25, "min_val_box": 0, **options}
        values = DatasetOptions(**given) if fill else check(DatasetOptions, given)
        job = Job(workspace.store.new_id(), Kind.DATASET, "detection", "set", "me", time.time(),
                  values.model_dump(mode="json"))
        workspace.store.submit(job, fill)
        scheduler = Scheduler(workspace.store, workspace.settings, InlineRunner(), gpu_ids=list)
        scheduler.tick()
        scheduler.close()
        return workspace.store.get(job.id)

    return run


def folders(top: Path, form: str = "voc", count: int = 12, seed: int = 3) -> dict[str, str]:
    images, labels = top / "images", top / ("labels.json" if form == "coco" else "labels")
    write(form, boxed(count, seed), images, labels)
    return {"folder": str(images), "label_folder": str(labels)}


def records(view: JobView, split: str) -> list:
    assert view.status is Status.DONE, view.state
    database = Records(view.folder.path / f"{split}.lmdb")
    return list(database.records(range(len(database))))


def around(record, labels: list[str]) -> None:
    """Each box lies around the pixels of its brightness, and every bright pixel is in a box."""
    image, boxes = record.pixels()[0].astype(int), record.target.array()
    for kind, *edges, ignored in boxes.tolist():
        assert ignored == 0
        bright = 120 * (NAMES.index(labels[int(kind)]) + 1)
        y, x = np.nonzero(abs(image - bright) <= 60)
        seen = [x.min(), y.min(), x.max() + 1, y.max() + 1]
        assert edges == pytest.approx(seen, abs=1e-3), record.path
        image[y.min():y.max() + 1, x.min():x.max() + 1] = 0


def scaled(record, labels: list[str], scale: tuple[float, float]) -> None:
    """Each box is the drawn one, larger or smaller by these factors, and bright in its middle."""
    (drawn,) = [picture for picture in boxed(12) if f"{picture.name}.png" == record.path]
    for (kind, *edges), row in zip(drawn.boxes, record.target.array().tolist(), strict=True):
        assert labels[int(row[0])] == NAMES[kind]
        assert row[1:5] == pytest.approx([edge * scale[at % 2] for at, edge in enumerate(edges)], abs=1e-3)
        middle = record.pixels()[0, int(row[2] + row[4]) // 2, int(row[1] + row[3]) // 2]
        assert middle == pytest.approx(120 * (kind + 1), abs=3)


def skipped(view: JobView) -> dict[str, str]:
    return {row.path: row.reason for row in read_skipped(view.folder.path / "skipped.csv")}


@pytest.mark.parametrize("form", ["kitti", "voc", "coco", "yolo"])
def test_boxes_of_every_format_lie_exactly_around_their_pixels(build: Build, tmp_path: Path, form: str) -> None:
    view = build(**folders(tmp_path, form))
    found = records(view, "train") + records(view, "val")
    facts = view.folder.manifest()
    assert (facts["labels"], facts["shape"], facts["resize_mode"]) == (NAMES, [1, 30, 40], "pad")
    assert facts["target"] == {"shape": [2, 6], "dtype": "float32"}
    assert (facts["details"]["format"], facts["found"], facts["used"], len(found)) == (form, 12, 12, 12)
    for record in found:
        around(record, facts["labels"])
    assert [sum(part["per_class"][kind] for part in facts["splits"].values()) for kind in (0, 1)] == [12, 6]


@pytest.mark.parametrize(("options", "mode", "shape", "scale"), [
    ({"resize_mode": "squash", "width": 60, "height": 50}, "squash", [1, 50, 60], None),
    ({"resize_mode": "squash"}, "squash", [1, 30, 40], None),
    ({"pad_width": 64, "pad_height": 48}, "pad", [1, 48, 64], (1, 1)),
    ({"pad_width": 64, "pad_height": 48, "width": 96, "height": 96}, "pad 64x48", [1, 96, 96], (1.5, 2)),
    ({"width": 80, "height": 60}, "pad 40x30", [1, 60, 80], (2, 2))])
def test_boxes_follow_their_pictures_through_every_resize(build: Build, tmp_path: Path, options: dict[str, object],
                                                          mode: str, shape: list[int], scale: tuple | None) -> None:
    view = build(**folders(tmp_path), **options)
    facts = view.folder.manifest()
    for record in records(view, "train"):
        own = (shape[2] / record.source[0], shape[1] / record.source[1])
        scaled(record, facts["labels"], scale or own)
    assert (facts["resize_mode"], facts["shape"]) == (mode, shape)


def test_a_picture_that_is_filled_keeps_its_boxes_in_place(build: Build, tmp_path: Path) -> None:
    view = build(**folders(tmp_path), resize_mode="fill", width=80, height=80)
    for record in records(view, "train"):
        width, height = record.source
        scale = 80 / max(width, height)
        (picture,) = [one for one in boxed(12) if one.name == record.path[:3]]
        expected = [[x0 * scale + (80 - width * scale) / 2, y0 * scale + (80 - height * scale) / 2]
                    for _, x0, y0, _, _ in picture.boxes]
        assert record.target.array()[:, 1:3].tolist() == [pytest.approx(corner, abs=1) for corner in expected]


def test_a_picture_larger_than_its_padding_is_left_out_with_both_sizes(build: Build, tmp_path: Path) -> None:
    view = build(**folders(tmp_path), pad_width=36, pad_height=30, bad_percent=60)
    assert skipped(view)["000.png"] == "is 40 x 30, larger than the padding of 36 x 30"
    assert view.folder.manifest()["shape"] == [1, 30, 36]


def test_kittis_own_pictures_get_digits_padding_and_small_boxes_do_not_count(build: Build, tmp_path: Path) -> None:
    for name in ("train", "val"):
        picture = Boxed("a", (1242, 375), [(0, 100, 100, 160, 140), (1, 300, 100, 324, 140)])
        write("kitti", [picture], tmp_path / name, tmp_path / f"{name}_labels")
    view = build(folder=str(tmp_path / "train"), label_folder=str(tmp_path / "train_labels"), min_val_box=None,
                 val_folder=str(tmp_path / "val"), val_label_folder=str(tmp_path / "val_labels"))
    assert [records(view, split)[0].target.array()[:, 5].tolist() for split in ("train", "val")] == [[0, 0], [0, 1]]
    facts = view.folder.manifest()
    assert facts["shape"] == [1, 384, 1248]
    assert {"split": "val", "label": "dog", "kept": 0, "cut": 0, "ignored": {"smaller than the minimum": 1},
            "dropped": {}} in facts["details"]["boxes"]


def test_splits_of_the_data_set_itself_are_kept(build: Build, tmp_path: Path) -> None:
    top = tmp_path / "download"
    write("voc", boxed(12), top / "V" / "JPEGImages", top / "V" / "Annotations")
    lists = top / "V" / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    for name, numbers in (("train", range(8)), ("val", range(8, 11)), ("test", [11])):
        (lists / f"{name}.txt").write_text("".join(f"{number:03d}\n" for number in numbers))
    view = build(folder=str(top))
    assert {split: part["entries"] for split, part in view.folder.manifest()["splits"].items()} == {
        "train": 8, "val": 3, "test": 1}
    assert sorted(record.path for record in records(view, "val")) == ["008.png", "009.png", "010.png"]
    assert view.folder.manifest()["notes"] == []


@pytest.mark.parametrize("form", ["voc", "yolo"])
def test_an_uploaded_archive_is_read_too(build: Build, tmp_path: Path, form: str) -> None:
    write(form, boxed(8), tmp_path / "set" / "images", tmp_path / "set" / "labels")

    def fill(hidden: Path) -> None:
        (hidden / "upload").mkdir()
        with zipfile.ZipFile(hidden / "upload" / "a.zip", "w") as archive:
            for path in sorted((tmp_path / "set").rglob("*.*")):
                archive.write(path, path.relative_to(tmp_path))

    view = build(fill, method="archive", archive="job:upload/a.zip")
    for record in records(view, "train"):
        around(record, NAMES)


@pytest.mark.parametrize(("form", "rule", "used", "words"), [
    ("voc", "auto", 11, "has no labels"), ("voc", "background", 12, ""), ("voc", "refuse", 11, "has no labels"),
    ("yolo", "auto", 12, ""), ("yolo", "skip", 11, "has no labels")])
def test_pictures_without_labels_are_treated_as_was_asked(build: Build, tmp_path: Path, form: str, rule: str, used: int,
                                                          words: str) -> None:
    given = folders(tmp_path, form)
    (tmp_path / "labels" / f"004.{'xml' if form == 'voc' else 'txt'}").unlink()
    view = build(**given, unlabelled=rule, bad_percent=20)
    assert view.status is Status.DONE, view.state
    facts = view.folder.manifest()
    assert (facts["used"], facts["bad"]) == (used, int(rule == "refuse"))
    assert skipped(view) == ({"004.png": words} if words else {})


def test_a_wrong_label_file_costs_its_picture_and_is_named_with_its_line(build: Build, tmp_path: Path) -> None:
    given = folders(tmp_path, "kitti")
    (tmp_path / "labels" / "004.txt").write_text(kitti(boxed(5)[4]) + "\ncat 1 2")
    (tmp_path / "images" / "005.png").write_bytes(b"<html>")
    view = build(**given, bad_percent=20)
    assert view.status is Status.DONE, view.state
    assert skipped(view) == {
        "004.png": "004.txt, line 2: 3 columns; a KITTI label has 15 (16 with a score), separated by blanks: type, "
                   "truncated, occluded, alpha, left, top, right, bottom and 7 more",
        "005.png": "is a web page (HTML), not a picture"}
    assert build(**given).status is Status.FAILED


def test_labels_for_a_picture_before_it_was_turned_are_not_believed(build: Build, tmp_path: Path) -> None:
    given = folders(tmp_path)
    picture = boxed(1)[0]
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels(picture)).save(tmp_path / "images" / "000.png", exif=exif)
    view = build(**given, bad_percent=20)
    assert skipped(view) == {"000.png": "is 30 x 40 (turned as the camera noted; the labels are perhaps for the "
                                        "picture before), but its labels are for 40 x 30"}


def test_boxes_that_are_ignored_or_cut_are_counted(build: Build, tmp_path: Path) -> None:
    given = folders(tmp_path)
    (tmp_path / "labels" / "000.xml").write_text(voc(boxed(1)[0], "<difficult>1</difficult>"))
    odd = boxed(3)[2]._replace(boxes=[(0, 10, 20, 60, 50), (0, 50, 0, 60, 9)])
    (tmp_path / "labels" / "002.xml").write_text(voc(odd))
    view = build(**given, val_percent=0)
    (hard,) = [record for record in records(view, "train") if record.path == "000.png"]
    assert hard.target.array()[:, 5].tolist() == [1]
    cats, dogs = view.folder.manifest()["details"]["boxes"]
    assert (cats["kept"], cats["cut"], cats["ignored"], cats["dropped"]) == (
        11, 1, {"marked difficult, or a crowd": 1}, {"outside the picture": 1})
    assert (dogs["kept"], dogs["cut"]) == (6, 0)


@pytest.mark.parametrize(("options", "words"), [
    ({"classes": "cat, bird"}, "Class 'bird' has no box left to train on: no label file names it"),
    ({"min_val_box": 200}, "No box is left to validate with (cat: 3 smaller than the minimum"),
    ({"label_format": "yolo"}, "holds no .txt file"), ({"pad_width": 8, "pad_height": 8}, "larger than the padding")])
def test_what_leaves_nothing_to_learn_is_refused(build: Build, tmp_path: Path, options: dict[str, object],
                                                 words: str) -> None:
    view = build(**folders(tmp_path), **options)
    assert view.status is Status.FAILED
    assert words in view.state.reason, view.state.reason


def test_chosen_classes_have_their_order_and_others_are_dropped(build: Build, tmp_path: Path) -> None:
    view = build(**folders(tmp_path), classes="Animal = dog, cat")
    facts = view.folder.manifest()
    assert facts["labels"] == ["Animal", "cat"]
    view = build(**folders(tmp_path / "b"), classes="dog")
    assert view.folder.manifest()["labels"] == ["dog"]
    dropped = [row for row in view.folder.manifest()["details"]["boxes"] if row["label"] == "cat"]
    assert sum(row["dropped"]["not among the chosen classes"] for row in dropped) == 12


def test_labels_of_another_folder_of_pictures_are_told(build: Build, tmp_path: Path) -> None:
    given = folders(tmp_path)
    write("voc", [picture._replace(name=f"x{picture.name}") for picture in boxed(3)], tmp_path / "other",
          tmp_path / "others")
    view = build(folder=given["folder"], label_folder=str(tmp_path / "others"))
    assert "No picture in" in view.state.reason and "the same name but for the ending" in view.state.reason
    write("voc", [boxed(1)[0]._replace(name="more")], tmp_path / "other", tmp_path / "labels")
    assert build(**given).folder.manifest()["notes"] == [{"kind": "labels-alone", "count": 1}]


def test_a_look_tells_what_a_build_would_find(tmp_path: Path) -> None:
    options = check(DatasetOptions, {**folders(tmp_path), "val_percent": 25})
    found = look(TASK, options, [], [])
    assert (found.labels, found.pictures, found.splits, found.problems) == (NAMES, 12, {"train": 9, "val": 3}, [])
    assert list(found.example) == ["pad", "squash", "fill"]
    (tmp_path / "labels" / "000.xml").write_text("<a/>")
    assert "000.xml: the outer element is <a>" in " ".join(look(TASK, options, [], []).problems)


def test_two_builds_of_one_seed_are_the_same_and_of_another_are_not(build: Build, tmp_path: Path) -> None:
    given = folders(tmp_path)
    first, again, other = (build(**given, seed=seed) for seed in (1, 1, 2))
    paths = [[record.path for record in records(view, "val")] for view in (first, again, other)]
    assert paths[0] == paths[1] != paths[2]


def test_the_boxes_of_a_picture_travel_as_json(build: Build, tmp_path: Path) -> None:
    facts = build(**folders(tmp_path)).folder.manifest()
    assert json.loads(json.dumps(facts["details"])) == facts["details"]
    assert facts["details"]["classes"] == NAMES
