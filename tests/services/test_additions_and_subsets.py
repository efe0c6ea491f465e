"""Versions with more pictures, and parts of a dataset."""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from digits_core.data.records import Records
from digits_core.errors import InvalidOptions, NotAllowed
from digits_core.jobs.store import JobView
from digits_core.services import datasets, versions
from digits_core.services.workspace import Workspace
from digits_core.settings import Settings
from tests.data import planted
from tests.services.test_versions import built, bytes_of, copied, paths, sums_are_exact


@pytest.fixture(scope="module")
def top(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return planted.class_folders(tmp_path_factory.mktemp("top") / "set", 24, 0, 0, 0)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, top: Path) -> JobView:
    workspace = Workspace.open(Settings(jobs_dir=tmp_path_factory.mktemp("whole") / "jobs"))
    return built(workspace, datasets.create_dataset(
        workspace, "ada", "classification", "pets",
        {"folder": str(top), "width": 24, "height": 24, "val_percent": 25, "test_percent": 25}))


@pytest.fixture
def dataset(workspace: Workspace, whole: JobView) -> JobView:
    return copied(workspace, whole)


@pytest.fixture
def more(tmp_path: Path, top: Path) -> Path:
    """Two new cats, a cat that is there already, a new dog, a bird, and a file that is no picture."""
    new = planted.class_folders(tmp_path / "other", 40, 0, 0, 0)
    target = tmp_path / "more"
    for label in ("cat", "dog", "bird"):
        (target / label).mkdir(parents=True)
    fresh = [path for path in sorted((new / "cat").iterdir()) if not (top / "cat" / path.name).exists()]
    fresh = fresh or sorted((new / "cat").iterdir())
    for number, (label, source) in enumerate((("cat", fresh[0]), ("cat", fresh[1]), ("dog", fresh[2]),
                                              ("bird", fresh[3]))):
        shutil.copy(source, target / label / f"new{number}.png")
    shutil.copy(next((top / "cat").iterdir()), target / "cat" / "again.png")
    (target / "dog" / "broken.png").write_bytes(b"\x89PNG")
    return target


def made(workspace: Workspace, view: JobView) -> JobView:
    done = built(workspace, view)
    assert done.status == "done", done.state.reason
    sums_are_exact(done)
    return done


def test_new_pictures_go_to_a_split_and_repeated_ones_are_left_out(workspace: Workspace, dataset: JobView,
                                                                   more: Path) -> None:
    before = bytes_of(dataset)
    view = made(workspace, versions.add_pictures(workspace, "ada", dataset.id, {"folder": str(more), "split": "train"}))
    facts = view.folder.manifest()
    assert view.name == "pets v2" and versions.diff(view)["added"] == 3
    assert paths(view, "train")[:len(paths(dataset, "train"))] == paths(dataset, "train")
    assert sorted(paths(view, "train")[-3:]) == ["cat/new0.png", "cat/new1.png", "dog/new2.png"]
    assert paths(view, "val") == paths(dataset, "val") and facts["labels"] == ["cat", "dog"]
    reasons = {Path(row["path"]).name: row["reason"] for row in datasets.skipped(view).items}
    assert set(reasons) == {"again.png", "new3.png", "broken.png"} and "same pixels" in reasons["again.png"]
    assert {"kind": "repeated", "count": 1} in facts["notes"] and facts["bad"] == 1
    assert facts["found"] == facts["used"] + facts["skipped"]
    assert bytes_of(dataset) == before and not (view.folder.path / ".staging").exists()


def test_an_archive_is_divided_like_the_dataset_and_may_bring_classes(workspace: Workspace, dataset: JobView,
                                                                      more: Path, tmp_path: Path) -> None:
    archive = tmp_path / "more.zip"
    with zipfile.ZipFile(archive, "w") as target:
        for path in more.rglob("*.png"):
            target.write(path, path.relative_to(more.parent))
    view = made(workspace, versions.add_pictures(
        workspace, "ada", dataset.id, {"new_classes": True, "duplicates": "keep"}, "bigger", upload=archive))
    facts = view.folder.manifest()
    assert facts["labels"] == ["cat", "dog", "bird"] and not archive.exists()
    assert versions.diff(view)["added"] == 5 and {"kind": "repeated", "count": 1} in facts["notes"]
    added = {split: part["entries"] - dataset.folder.manifest()["splits"][split]["entries"]
             for split, part in facts["splits"].items()}
    assert added == {"train": 3, "val": 1, "test": 1}  # three cats: one each; one dog and one bird stay in training
    again = versions.create_version(workspace, "ada", view.id, edits=[{"do": "exclude", "split": "train", "index": 0}])
    assert made(workspace, again).folder.manifest()["labels"] == ["cat", "dog", "bird"]


def test_a_subset_holds_what_was_selected_and_only_its_classes(workspace: Workspace, dataset: JobView, more: Path
                                                               ) -> None:
    whole = made(workspace, versions.add_pictures(workspace, "ada", dataset.id, {
        "folder": str(more), "new_classes": True, "split": "train"}))
    view = made(workspace, versions.create_subset(workspace, "ada", whole.id, {"classes": ["bird", "1"],
                                                                               "splits": ["train"]}, "few"))
    facts = view.folder.manifest()
    assert (view.name, facts["labels"], list(facts["splits"])) == ("few", ["dog", "bird"], ["train"])
    records = Records(view.folder.path / "train.lmdb")
    named = [(facts["labels"][record.label], record.path.split("/")[0])
             for record in records.records(range(len(records)))]
    assert {one == other for one, other in named} == {True} and {one for one, _ in named} == {"dog", "bird"}
    assert facts["used"] + versions.diff(view)["removed"] == whole.folder.manifest()["used"]


@pytest.mark.slow
def test_first_and_random_pictures_of_a_subset_are_counted_before_it_is_made(workspace: Workspace, dataset: JobView
                                                                            ) -> None:
    first = {"take": "first", "count": 5}
    counts = versions.count_subset(workspace, dataset.id, first)
    assert {split: sum(part.values()) for split, part in counts.items()} == {"train": 5, "val": 5, "test": 5}
    view = made(workspace, versions.create_subset(workspace, "ada", dataset.id, first))
    assert view.name == "pets subset" and paths(view, "train") == paths(dataset, "train")[:5]
    drawn = [made(workspace, versions.create_subset(workspace, "ada", dataset.id, {
        "take": "random", "count": 2, "seed": seed})) for seed in (1, 1, 2)]
    assert paths(drawn[0], "train") == paths(drawn[1], "train") != paths(drawn[2], "train")
    assert np.array_equal(drawn[0].folder.manifest()["splits"]["train"]["per_class"], [2, 2])
    found = versions.count_subset(workspace, dataset.id, {"search": "CAT/", "splits": ["train"]})
    assert found["train"]["cat"] > 0 and found["train"]["dog"] == 0


@pytest.mark.parametrize(("options", "field"), [
    ({}, ""), ({"splits": ["val"]}, "splits"), ({"classes": ["cat"]}, "classes"),
    ({"classes": ["cat", "cow"]}, "classes"), ({"search": "cat/"}, ""), ({"take": "first", "count": 0}, "count")])
def test_a_subset_that_nothing_could_be_trained_on_is_refused(workspace: Workspace, dataset: JobView, options: dict,
                                                              field: str) -> None:
    with pytest.raises(InvalidOptions) as error:
        versions.create_subset(workspace, "ada", dataset.id, options)
    assert [problem.field for problem in error.value.problems] == [field]


@pytest.mark.parametrize("options", [{}, {"folder": "/no/such"}, {"archive": "job:edits.json"},
                                     {"folder": "/", "archive": "/x.zip"}])
def test_an_addition_without_a_good_source_is_refused(workspace: Workspace, dataset: JobView, options: dict) -> None:
    with pytest.raises(InvalidOptions):
        versions.add_pictures(workspace, "ada", dataset.id, options)
    with pytest.raises(NotAllowed):
        versions.add_pictures(workspace, "", dataset.id, options)


def test_an_addition_that_adds_nothing_fails_with_the_reason(workspace: Workspace, dataset: JobView, top: Path) -> None:
    view = built(workspace, versions.add_pictures(workspace, "ada", dataset.id, {"folder": str(top)}))
    assert view.status == "failed" and "same pixels" in view.state.reason
