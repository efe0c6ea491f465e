"""A dataset build tells the truth about every picture, and a broken one is never usable."""

import itertools
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image

from digits_core.data.pictures import decode, prepare
from digits_core.data.plan import estimate_bytes
from digits_core.data.pool import Pool
from digits_core.data.records import Records
from digits_core.jobs.model import Status
from digits_core.jobs.scheduler import Scheduler
from digits_core.services import jobs
from digits_core.services.workspace import Workspace
from tests.data import pictures
from tests.data.conftest import Build, check_sums, csv_rows, reasons, submit, write_list


def test_class_folders_become_databases_that_hold_the_same_pixels(build: Build, tmp_path: Path) -> None:
    top = pictures.class_folders(tmp_path / "set", {"cat": 12, "dog": 8})
    view = build(folder=str(top), channels="gray")
    facts = check_sums(view)
    assert facts["labels"] == ["cat", "dog"] and facts["shape"] == [1, 6, 8] and facts["used"] == 20
    assert {name: part["per_class"] for name, part in facts["splits"].items()} == {"train": [9, 6], "val": [3, 2]}
    assert view.folder.summary() == {"classes": 2, "pictures": 20, "skipped": 0, "bytes": facts["bytes"],
                                     "train": 15, "val": 5, "test": 0}
    records = Records(view.folder.path / "train.lmdb")
    pixels, labels = records.batch(range(15))
    for number, path in enumerate(records.paths(range(15))):
        assert path.startswith(("cat/", "dog/")[labels[number]])
        assert np.array_equal(pixels[number], prepare(decode(top / path, path).image, "gray", 8, 6, "squash"))
    mean = np.load(view.folder.path / "mean.npy")
    assert np.allclose(mean, pixels.mean(axis=0)) and mean.dtype == np.float32
    assert np.allclose(facts["mean_pixel"], pixels.mean()) and np.allclose(facts["std_pixel"], pixels.std())
    assert decode(view.folder.path / "mean.png", "mean.png").image.size == (8, 6)


def test_the_same_options_build_the_same_bytes_and_another_seed_others(build: Build, tmp_path: Path) -> None:
    top = pictures.class_folders(tmp_path / "set", {"a": 40, "b": 30})
    first, again, other = (build(folder=str(top), seed=seed, resize_mode="fill") for seed in (1, 1, 2))
    order = [Records(view.folder.path / "train.lmdb").paths(range(52)) for view in (first, again, other)]
    assert order[0] == order[1] != order[2]
    one, two = (Records(view.folder.path / "train.lmdb").batch(range(52))[0] for view in (first, again))
    assert np.array_equal(one, two)


@pytest.mark.parametrize(("encoding", "kind"), [("png", "png"), ("jpeg", "jpeg"), ("none", "raw")])
def test_encodings(build: Build, tmp_path: Path, encoding: str, kind: str) -> None:
    top = pictures.class_folders(tmp_path / "set", {"a": 4, "b": 4})
    view = build(folder=str(top), encoding=encoding, width=90, height=90, jpeg_quality=95)
    assert check_sums(view)["encoding"] == encoding
    record = Records(view.folder.path / "train.lmdb").read(0)
    wanted = prepare(decode(top / record.path, "x").image, "color", 90, 90, "squash").astype(int)
    assert record.encoding == kind and np.abs(record.pixels() - wanted).mean() < (12 if encoding == "jpeg" else 0.001)


def test_bad_pictures_are_listed_with_their_reasons_and_the_rest_is_used(build: Build, tmp_path: Path) -> None:
    top = pictures.class_folders(tmp_path / "set", {"a": 20, "b": 20})
    bad = pictures.bad()
    for name, (content, _) in bad.items():
        if Path(name).suffix not in (".eps", ".psd"):
            (top / "a" / name).write_bytes(content)
    (top / "b" / "gone.png").symlink_to(top / "nothing")
    os.mkfifo(top / "b" / "pipe.png")
    view = build(folder=str(top), bad_percent=60)
    facts = check_sums(view)
    assert facts["used"] == 40 and facts["skipped"] == facts["bad"] == len(bad)
    found = reasons(view)
    assert found["b/gone.png"] == "is not there" and found[str(top / "b" / "pipe.png")] == "is not a regular file"
    assert found["a/empty.png"] == "is empty (0 bytes)" and "web page" in found["a/page.jpg"]


def test_more_bad_pictures_than_allowed_stop_the_build_and_the_list_is_kept(build: Build, tmp_path: Path) -> None:
    top = pictures.class_folders(tmp_path / "set", {"a": 47, "b": 47})
    for number in range(6):
        (top / "a" / f"bad{number}.png").write_bytes(b"")
    view = build(folder=str(top))
    assert view.status is Status.FAILED and view.folder.manifest() == {}
    assert "6 of 100 pictures cannot be used, more than the 5 % allowed" in view.state.reason
    assert "bad" in view.state.reason and "is empty" in view.state.reason
    assert sorted(reasons(view)) == [f"a/bad{number}.png" for number in range(6)]


def test_exactly_the_allowed_share_passes(build: Build, tmp_path: Path) -> None:
    top = pictures.class_folders(tmp_path / "set", {"a": 9, "b": 10})
    (top / "a" / "bad.png").write_bytes(b"")
    assert check_sums(build(folder=str(top)))["used"] == 19


def test_classes_below_the_minimum_and_pictures_over_the_maximum_are_accounted_for(
        build: Build, tmp_path: Path) -> None:
    top = pictures.class_folders(tmp_path / "set", {"a": 10, "b": 30, "few": 4})
    facts = check_sums(build(folder=str(top), min_per_class=5, max_per_class=20))
    assert facts["labels"] == ["a", "b"] and facts["used"] == 30 and facts["skipped"] == 14 and facts["bad"] == 0
    assert facts["left_out"] == {"its class has fewer than 5 pictures": 4,
                                 "over the maximum of 20 for its class": 10}


def test_separate_folders_keep_the_classes_of_training(build: Build, tmp_path: Path) -> None:
    train = pictures.class_folders(tmp_path / "train", {"a": 6, "b": 6, "few": 1})
    val = pictures.class_folders(tmp_path / "val", {"b": 3, "few": 2, "unknown": 2})
    test = pictures.class_folders(tmp_path / "test", {"a": 2})
    view = build(folder=str(train), val_folder=str(val), test_folder=str(test), val_percent=50)
    facts = check_sums(view)
    assert {name: part["per_class"] for name, part in facts["splits"].items()} == {
        "train": [6, 6], "val": [0, 3], "test": [2, 0]}
    assert facts["left_out"]["class is not among the training classes"] == 4


def test_ready_made_splits_in_one_folder_are_used(build: Build, tmp_path: Path) -> None:
    pictures.class_folders(tmp_path / "set" / "train", {"a": 8, "b": 8})
    pictures.class_folders(tmp_path / "set" / "test", {"a": 2, "b": 1})
    facts = check_sums(build(folder=str(tmp_path / "set")))
    assert {name: part["entries"] for name, part in facts["splits"].items()} == {"train": 12, "val": 4, "test": 3}


def test_notes_tell_what_was_done_to_pictures(build: Build, tmp_path: Path) -> None:
    top = pictures.class_folders(tmp_path / "set", {"a": 5, "b": 5})
    (top / "a" / "turned.jpg").write_bytes(pictures.with_orientation(6, "JPEG"))
    (top / "a" / "moving.gif").write_bytes(pictures.animated("GIF"))
    (top / "a" / "words.txt").write_text("x")
    shutil.copy(top / "a" / "0000.png", top / "b" / "copy.png")
    facts = check_sums(build(folder=str(top), val_percent=50))
    notes = {note["kind"]: note["count"] for note in facts["notes"]}
    assert notes.items() >= {"orientation": 1, "first-frame": 1, "other-files": 1}.items()


def test_a_picture_in_training_and_validation_is_told(build: Build, tmp_path: Path) -> None:
    train = pictures.class_folders(tmp_path / "train", {"a": 5, "b": 5})
    facts = check_sums(build(folder=str(train), val_folder=str(train)))
    assert {"kind": "also-in-train-val", "count": 10} in facts["notes"]


NAMES = ["a b.png", "x\ny.png", "ü.png", "e\u0301.png", "-rf.png", "\udcff.png", "\u202eabc.png", "a'\"\\.png",
         "😀.png", "#1?.png", "%41.png", "a,b.png", "=1+1.png", " .png", "~.png"]


def test_odd_file_names_round_trip_exactly(build: Build, tmp_path: Path) -> None:
    top = tmp_path / "a folder ü\n"
    pictures.class_folders(top, {"one\ntwo": 0, "ü é": 2, "\udcfe": 2})
    for number, name in enumerate(NAMES):
        (top / "one\ntwo" / name).write_bytes(pictures.saved(Image.new("L", (8, 6), number)))
    (top / "ü é" / "bad\n,\"\udcff.png").write_bytes(b"")
    view = build(folder=str(top), channels="gray", val_percent=0, bad_percent=10)
    facts = check_sums(view)
    assert facts["labels"] == ["one\\ntwo", "ü é", "\\xfe"]
    records = Records(view.folder.path / "train.lmdb")
    found = {record.path: record for record in records.records(range(len(records)))}
    for number, name in enumerate(NAMES):
        assert found[f"one\ntwo/{name}"].pixels().max() == number
    assert csv_rows(view)[0][0] == "ü é/bad\n,\"\udcff.png"


@pytest.mark.parametrize(("counts", "words"), [
    ({}, "must hold at least two class folders"), ({"a": 3}, "must hold at least two class folders"),
    ({"a": 3, "b": 1}, "1 of 2 classes have at least 2"), ({"a": 0, "b": 0}, "No pictures were found")])
def test_too_little_to_train_on_is_told(build: Build, tmp_path: Path, counts: dict[str, int], words: str) -> None:
    (tmp_path / "set").mkdir()
    view = build(folder=str(pictures.class_folders(tmp_path / "set", counts)))
    assert view.status is Status.FAILED and words in view.state.reason and view.state.code == "input"


def test_a_class_whose_pictures_are_all_bad_is_told(build: Build, tmp_path: Path) -> None:
    top = pictures.class_folders(tmp_path / "set", {"a": 9, "b": 0})
    for number in range(3):
        (top / "b" / f"{number}.png").write_bytes(b"")
    view = build(folder=str(top), bad_percent=100)
    assert view.status is Status.FAILED and "Fewer than two classes" in view.state.reason


def test_a_dataset_larger_than_the_disk_is_refused_before_it_starts(build: Build, tmp_path: Path) -> None:
    top = pictures.class_folders(tmp_path / "set", {"a": 1, "b": 1})
    lines = [f"{top}/{name}/0000.png {label}" for name, label in (("a", 0), ("b", 1))] * 50_000
    view = build(method="text", train_list=write_list(tmp_path / "train.txt", lines), width=9000, height=9000,
                 encoding="none")
    assert view.status is Status.FAILED and view.state.code == "disk-full" and "needs about" in view.state.reason
    assert 30_000_000 < estimate_bytes("none", 3 * 100 * 100, 1000) < 35_000_000


def test_a_build_can_be_stopped_and_resumed(build: Build, workspace: Workspace, tmp_path: Path) -> None:
    job_id = submit(workspace, folder=str(pictures.class_folders(tmp_path / "set", {"a": 5, "b": 5})))
    jobs.stop(workspace, "me", job_id)
    assert workspace.store.get(job_id).status is Status.STOPPED
    jobs.resume(workspace, "me", job_id)
    build(folder=str(tmp_path / "set"))
    assert check_sums(workspace.store.get(job_id))["used"] == 10


def test_a_killed_build_is_not_usable_and_starts_clean_when_resumed(
        workspace: Workspace, tmp_path: Path, until) -> None:
    top = pictures.class_folders(tmp_path / "set", {"a": 100, "b": 100}, (60, 60))
    job_id = submit(workspace, folder=str(top), width=256, height=256)
    scheduler = Scheduler(workspace.store, workspace.settings, gpu_ids=list)
    folder = workspace.store.folder(job_id).path
    scheduler.tick()
    until(lambda: (folder / "train.lmdb" / "data.mdb").exists())
    launch = workspace.store.get(job_id).attempt.launch
    os.kill(launch["process"]["pid"], signal.SIGKILL)
    until(lambda: (scheduler.tick(), workspace.store.get(job_id).status.is_final)[1])
    view = workspace.store.get(job_id)
    assert view.status is Status.FAILED and view.folder.manifest() == {}
    (folder / "val.lmdb").mkdir(exist_ok=True)
    (folder / "val.lmdb" / "data.mdb").write_bytes(b"half")
    jobs.resume(workspace, "me", job_id)
    until(lambda: (scheduler.tick(), workspace.store.get(job_id).status.is_final)[1], 60)
    scheduler.close()
    for child, _, _ in scheduler.runner.children:
        child.wait(10)
    assert check_sums(workspace.store.get(job_id))["used"] == 200


TREES = st.dictionaries(st.sampled_from(["a", "b", "c", "D d"]), st.lists(
    st.sampled_from(["good", "empty", "html", "link", "text", "grey"]), max_size=6), max_size=4)


@hypothesis_settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TREES, st.integers(1, 3), st.one_of(st.none(), st.integers(3, 4)), st.floats(0, 60))
def test_found_is_used_plus_skipped_for_any_folder(
        build: Build, tmp_path_factory: pytest.TempPathFactory, tree: dict[str, list[str]], minimum: int,
        maximum: int | None, share: float) -> None:
    top = tmp_path_factory.mktemp("tree")
    count = 0
    for name, entries in tree.items():
        (top / name).mkdir()
        for number, kind in enumerate(entries):
            path = top / name / f"{number}.png"
            if kind == "link":
                path.symlink_to("/nowhere")
            elif kind == "text":
                path.with_suffix(".txt").write_text("x")
            else:
                path.write_bytes({"good": pictures.saved(pictures.colour()), "empty": b"", "html": b"<html>",
                                  "grey": pictures.saved(pictures.grey())}[kind])
            count += kind != "text"
    view = build(folder=str(top), min_per_class=minimum, max_per_class=maximum, val_percent=share, bad_percent=100)
    if view.status is Status.DONE:
        assert check_sums(view)["found"] == count
    else:
        assert view.status is Status.FAILED and view.state.code == "input", view.state


def test_a_build_that_lost_pictures_is_never_complete(build: Build, tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = Pool.outcomes
    monkeypatch.setattr(Pool, "outcomes", lambda *given: itertools.islice(outcomes(*given), 5))
    view = build(folder=str(pictures.class_folders(tmp_path / "set", {"a": 20, "b": 20})))
    assert view.status is Status.FAILED and "40 pictures were found" in view.state.reason
    assert not view.folder.manifest()
