"""Checks and versions as pages, REST and command line ask for them."""

import hashlib
import shutil

import numpy as np
import pytest

from digits_core.data.records import Records
from digits_core.errors import BadData, BadState, InvalidOptions, NotAllowed, NotFound
from digits_core.jobs.runner import InlineRunner
from digits_core.jobs.scheduler import Scheduler
from digits_core.jobs.store import JobView
from digits_core.services import datasets, fit, jobs, versions
from digits_core.services.workspace import Workspace
from digits_core.settings import Settings
from tests.data import planted
from tests.data.conftest import check_sums


def built(workspace: Workspace, view: JobView) -> JobView:
    scheduler = Scheduler(workspace.store, workspace.settings, InlineRunner(), gpu_ids=list)
    scheduler.tick()
    scheduler.close()
    return workspace.store.get(view.id)


def copied(workspace: Workspace, whole: JobView) -> JobView:
    """A dataset that was built once for a module, as a job of this workspace."""
    shutil.copytree(whole.folder.path, workspace.store.root / whole.id)
    return workspace.store.get(whole.id)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> JobView:
    tmp_path = tmp_path_factory.mktemp("whole")
    top = planted.class_folders(tmp_path / "set", 40, 5, 5, 2)
    (top / "cat" / "bad.png").write_bytes(b"")
    workspace = Workspace.open(Settings(jobs_dir=tmp_path / "jobs"))
    return built(workspace, datasets.create_dataset(
        workspace, "ada", "classification", "pets",
        {"folder": str(top), "width": 32, "height": 32, "val_percent": 40, "bad_percent": 50}))


@pytest.fixture
def dataset(workspace: Workspace, whole: JobView) -> JobView:
    return copied(workspace, whole)


def examined(workspace: Workspace, view: JobView) -> dict:
    fit.start_fit(workspace, "ada", view.id)
    assert fit.wait_for_fit(view, lambda done: None) == {"state": "done"}
    return fit.fit(workspace, view.id, "", 0, 1000)


def paths(view: JobView, split: str) -> list[str]:
    records = Records(view.folder.path / f"{split}.lmdb")
    return records.paths(range(len(records)))


def sums_are_exact(view: JobView) -> None:
    facts = check_sums(view)
    records = Records(view.folder.path / "train.lmdb")
    pixels = records.batch(range(len(records)))[0].astype(np.float64)
    assert np.allclose(np.load(view.folder.path / "mean.npy"), pixels.mean(axis=0), atol=1e-4)
    assert np.allclose(facts["mean_pixel"], pixels.mean(axis=(0, 2, 3)))
    assert np.allclose(facts["std_pixel"], pixels.std(axis=(0, 2, 3)))


def bytes_of(view: JobView) -> dict[str, str]:
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in view.folder.path.rglob("*") if path.is_file()}


def test_the_check_runs_beside_its_answer_is_kept_and_a_fix_makes_a_version(workspace: Workspace,
                                                                          dataset: JobView) -> None:
    assert fit.fit(workspace, dataset.id) == {"state": "none"}
    with pytest.raises(BadData, match="was not examined"):
        versions.create_version(workspace, "ada", dataset.id, fixes=["drop-exact"])
    report = examined(workspace, dataset)
    assert (report["total"], report["counts"]["labels"], report["unreadable"]) == (12, 2, 1)
    leaks = fit.fit(workspace, dataset.id, "leak")["total"]
    assert fit.start_fit(workspace, "bob", dataset.id) == {"state": "done"}
    before = bytes_of(dataset)
    made = versions.create_version(workspace, "ada", dataset.id, fixes=["drop-exact", "one-split", "drop-conflicts"])
    assert (made.name, made.job.needs, made.status) == ("pets v2", (dataset.id,), "waiting")
    made = built(workspace, made)
    sums_are_exact(made)
    diff = versions.diff(made)
    near_leaks = sum("leak" in g["kinds"] and g["kinds"][0] == "near" and "labels" not in g["kinds"]
                     for g in report["groups"])
    assert (diff["removed"], diff["moved"], diff["relabelled"]) == (5 + 4, near_leaks, 0) and leaks > 0
    assert sum(row["removed"] for row in diff["per_class"]) == 9
    assert made.folder.manifest()["used"] == dataset.folder.manifest()["used"] - 9
    assert bytes_of(dataset) == before
    again = examined(workspace, made)["counts"]
    assert (again["exact"], again["leak"], again["labels"]) == (0, 0, 0)


def test_pictures_are_left_out_relabelled_and_moved_by_position_and_path(workspace: Workspace,
                                                                       dataset: JobView) -> None:
    train, val = paths(dataset, "train"), paths(dataset, "val")
    cat = next(path for path in train[5:] if path.startswith("cat/"))
    made = built(workspace, versions.create_version(workspace, "ada", dataset.id, "mine", [
        {"do": "exclude", "split": "train", "index": 0},
        {"do": "relabel", "split": "train", "path": cat, "label": "dog"},
        {"do": "move", "split": "val", "index": 3, "to": "test"},
        {"do": "move", "split": "train", "index": 2, "to": "val"},
    ]))
    sums_are_exact(made)
    now = paths(made, "train")
    assert now == train[1:2] + train[3:] and paths(made, "val") == val[:3] + val[4:] + [train[2]]
    assert paths(made, "test") == [val[3]]
    records = Records(made.folder.path / "train.lmdb")
    record, old = records.read(now.index(cat)), Records(dataset.folder.path / "train.lmdb").read(train.index(cat))
    assert (record.label, old.label, record.image) == (1, 0, old.image) and record.source == old.source
    assert {key: versions.diff(made)[key] for key in ("removed", "relabelled", "moved")} == {
        "removed": 1, "relabelled": 1, "moved": 2}
    rows = datasets.skipped(made).items
    assert [row["path"] for row in rows] == ["cat/bad.png", train[0]] and "left out" in rows[1]["reason"]


def test_versions_of_versions_keep_their_line(workspace: Workspace, dataset: JobView) -> None:
    view, line = dataset, [dataset.id]
    for _ in range(2):
        view = built(workspace, versions.create_version(workspace, "ada", view.id, edits=[
            {"do": "exclude", "split": "train", "index": 1}]))
        sums_are_exact(view)
        line.append(view.id)
    assert view.name == "pets v3" and view.folder.manifest()["parent"]["name"] == "pets v2"
    for member in line:
        assert [row["id"] for row in versions.describe_family(workspace, member)] == line
    jobs.delete(workspace, "ada", line[1])  # a finished version needs its parent no more, nor does its child need it
    assert [row["id"] for row in versions.describe_family(workspace, line[2])] == [line[2]]
    assert datasets.samples(workspace, line[2], "train").total == view.folder.manifest()["splits"]["train"]["entries"]


def test_a_version_that_would_be_useless_fails_in_words(workspace: Workspace, dataset: JobView) -> None:
    edits = [{"do": "relabel", "split": "train", "index": place, "label": 0}
             for place in range(len(paths(dataset, "train")))]
    made = built(workspace, versions.create_version(workspace, "ada", dataset.id, edits=edits))
    assert made.status == "failed" and "fewer than two classes" in made.state.reason


def test_what_makes_no_sense_is_refused(workspace: Workspace, dataset: JobView, finished_job) -> None:
    with pytest.raises(InvalidOptions, match="Say what shall change"):
        versions.create_version(workspace, "ada", dataset.id)
    with pytest.raises(NotAllowed):
        versions.create_version(workspace, "", dataset.id, edits=[{"do": "exclude", "split": "train", "index": 0}])
    with pytest.raises(InvalidOptions):
        fit.fit(workspace, dataset.id, "x")
    with pytest.raises(BadState):
        versions.diff(dataset)
    with pytest.raises(NotFound):
        versions.edits_of(dataset)


def test_a_damaged_database_fails_the_check_in_words(workspace: Workspace, finished_job) -> None:
    view = finished_job("dataset")
    fit.start_fit(workspace, "ada", view.id)
    state = fit.wait_for_fit(view, lambda done: None)
    assert state["state"] == "failed" and "no LMDB database" in state["reason"]


def test_a_picture_is_told_in_full(workspace: Workspace, dataset: JobView) -> None:
    row = datasets.record(workspace, dataset.id, "train", 3)
    pixels = Records(dataset.folder.path / "train.lmdb").read(3).pixels()
    assert (row["path"], row["shape"], len(row["channels"])) == (paths(dataset, "train")[3], [3, 32, 32], 3)
    assert row["source"] in ([48, 40], [29, 24], [36, 30], [72, 60], [96, 80])
    assert row["channels"][0]["mean"] == pytest.approx(pixels[0].mean()) and row["png"].startswith(b"\x89PNG")
    assert sum(row["channels"][2]["histogram"]) == 32 * 32 and row["channels"][1]["max"] == pixels[1].max()
    with pytest.raises(NotFound):
        datasets.record(workspace, dataset.id, "train", 10**6)
    assert datasets.samples(workspace, dataset.id, "train", shorter=datasets.sides(41, None)).total < \
        datasets.samples(workspace, dataset.id, "train", shorter=datasets.sides(1, None)).total
    places = datasets.samples(workspace, dataset.id, "train", places=[4, 2]).items
    assert [sample.index for sample in places] == [4, 2]
