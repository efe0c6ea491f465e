"""What pages, REST and command line can ask about datasets."""

from pathlib import Path

import pytest

from digits_core.errors import BadData, InvalidOptions, NotFound
from digits_core.jobs.runner import InlineRunner
from digits_core.jobs.scheduler import Scheduler
from digits_core.jobs.store import JobView
from digits_core.services import datasets
from digits_core.services.workspace import Workspace
from digits_core.settings import Settings
from tests.data import archives, pictures

OPTIONS = {"width": 8, "height": 6, "channels": "gray"}


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return pictures.class_folders(tmp_path / "set", {"cat": 9, "dog": 9})


def built(workspace: Workspace, view: JobView) -> JobView:
    scheduler = Scheduler(workspace.store, workspace.settings, InlineRunner(), gpu_ids=list)
    scheduler.tick()
    scheduler.close()
    return workspace.store.get(view.id)


@pytest.fixture
def dataset(workspace: Workspace, top: Path) -> JobView:
    (top / "cat" / "bad.png").write_bytes(b"")
    made = datasets.create_dataset(workspace, "ada", "classification", "pets",
                                   {**OPTIONS, "folder": str(top), "bad_percent": 50})
    return built(workspace, made)


def test_samples_are_paged_and_filtered_by_class_and_path(workspace: Workspace, dataset: JobView) -> None:
    page = datasets.samples(workspace, dataset.id, "train", offset=2, limit=3)
    assert page.total == 14 and [sample.index for sample in page.items] == [2, 3, 4]
    assert all(sample.png.startswith(b"\x89PNG") and sample.class_name in sample.path for sample in page.items)
    cats = datasets.samples(workspace, dataset.id, "val", label=0)
    assert cats.total == 2 and {sample.class_name for sample in cats.items} == {"cat"}
    assert datasets.samples(workspace, dataset.id, "train", search="DOG/").total == 7
    assert datasets.samples(workspace, dataset.id, "train", search="nothing").items == []


def test_questions_that_make_no_sense_are_answered_in_words(workspace: Workspace, dataset: JobView) -> None:
    with pytest.raises(NotFound, match="no pictures for 'test'; it has train, val"):
        datasets.samples(workspace, dataset.id, "test")
    with pytest.raises(InvalidOptions):
        datasets.samples(workspace, dataset.id, "train", limit=0)
    with pytest.raises(NotFound):
        datasets.samples(workspace, "20260101-000000-0000", "train")


def test_a_truncated_database_is_told_and_kills_nobody(workspace: Workspace, dataset: JobView) -> None:
    path = dataset.folder.path / "train.lmdb" / "data.mdb"
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(BadData, match="truncated"):
        datasets.samples(workspace, dataset.id, "train")


def test_skipped_pictures_are_paged(dataset: JobView) -> None:
    page = datasets.skipped(dataset)
    assert page.total == 1
    assert page.items == [{"path": "cat/bad.png", "split": page.items[0]["split"], "class": "cat",
                           "reason": "is empty (0 bytes)"}]
    assert datasets.skipped(dataset, 1).items == []


def test_the_mean_picture_is_checked(dataset: JobView) -> None:
    mean = datasets.mean_picture(dataset)
    assert mean is not None and mean.startswith(b"\x89PNG")
    (dataset.folder.path / "mean.png").write_bytes(b"<html>")
    assert datasets.mean_picture(dataset) is None
    (dataset.folder.path / "mean.png").unlink()
    assert datasets.mean_picture(dataset) is None


def test_a_dataset_without_a_whole_manifest_is_not_usable(workspace: Workspace, dataset: JobView) -> None:
    path = dataset.folder.path / "manifest.json"
    for content in (b"", b"{}", b"[]", b'{"complete": true}', b"\xff"):
        path.write_bytes(content)
        with pytest.raises(NotFound, match="damaged"):
            datasets.manifest(dataset)
    path.unlink()
    with pytest.raises(NotFound, match="Build it again"):
        datasets.manifest(dataset)


def test_a_dataset_that_waits_holds_nothing_yet(workspace: Workspace, top: Path) -> None:
    view = datasets.create_dataset(workspace, "ada", "classification", "pets", {**OPTIONS, "folder": str(top)})
    with pytest.raises(NotFound, match="is waiting; it holds nothing yet"):
        datasets.manifest(view)
    assert datasets.skipped(view) == datasets.SkippedPage(0, [])


def test_an_upload_moves_into_the_job_folder(workspace: Workspace, tmp_path: Path, top: Path) -> None:
    members = [(str(path.relative_to(top)), path.read_bytes()) for path in top.rglob("*.png")]
    upload = archives.zipped(tmp_path / "up.zip", members)
    view = built(workspace, datasets.create_dataset(workspace, "ada", "classification", "up", OPTIONS, upload=upload))
    assert datasets.manifest(view)["used"] == 18 and not upload.exists()


def test_the_preview_tells_what_a_build_would_find(workspace: Workspace, top: Path) -> None:
    (top / "few").mkdir()
    (top / "few" / "one.png").write_bytes(pictures.saved(pictures.colour()))
    found = datasets.preview(workspace, "classification", {**OPTIONS, "folder": str(top), "val_percent": 25})
    assert found.labels == ["cat", "dog"] and found.pictures == 19 and not found.is_estimate
    assert found.splits == {"train": 14, "val": 4} and found.per_class == {"cat": 9, "dog": 9, "few": 1}
    assert found.size > 0 and found.problems == ["1 left out: its class has fewer than 2 pictures."]
    assert sorted(found.example) == ["crop", "fill", "half", "squash"] and found.example_name == "cat/0000.png"
    assert all(png.startswith(b"\x89PNG") for png in found.example.values())


def test_the_preview_ends_early_in_a_large_folder(
        workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    top = pictures.class_folders(tmp_path / "many", {"a": 1, "b": 0})
    for number in range(30):
        (top / "b" / f"{number}.png").symlink_to(top / "a" / "0000.png")
    monkeypatch.setattr("digits_core.data.preview.MOST", 20)
    monkeypatch.setattr("digits_core.data.preview.LIMIT_S", 60)
    found = datasets.preview(workspace, "classification", {**OPTIONS, "folder": str(top), "val_percent": 25})
    assert found.is_estimate and found.labels == ["a", "b"] and found.splits == {"train": 15, "val": 5}
    assert found.problems == []


def test_the_preview_names_problems_instead_of_failing(workspace: Workspace, tmp_path: Path) -> None:
    top = pictures.class_folders(tmp_path / "one", {"a": 3})
    found = datasets.preview(workspace, "classification", {**OPTIONS, "folder": str(top)})
    assert "two class folders" in found.problems[0]
    (tmp_path / "list.txt").write_text("a.png\n")
    listed = {"method": "text", "train_list": str(tmp_path / "list.txt")}
    problems = datasets.preview(workspace, "classification", listed).problems
    assert "line 1" in problems[0]
    with pytest.raises(InvalidOptions):
        datasets.preview(workspace, "classification", {"folder": str(tmp_path / "none")})


def test_folders_outside_the_data_roots_are_refused_everywhere(tmp_path: Path, top: Path) -> None:
    (tmp_path / "allowed").mkdir()
    space = Workspace.open(Settings(jobs_dir=tmp_path / "jobs", data_roots=[tmp_path / "allowed"]))
    for ask in (lambda: datasets.preview(space, "classification", {"folder": str(top)}),
                lambda: datasets.create_dataset(space, "ada", "classification", "x", {"folder": str(top)})):
        with pytest.raises(InvalidOptions, match="outside the folders"):
            ask()


def test_models_that_use_it_are_listed(workspace: Workspace, finished_job) -> None:
    dataset = finished_job("dataset")
    model = finished_job("model", needs=(dataset.id,))
    assert [view.id for view in datasets.used_by(workspace, dataset.id)] == [model.id]
    assert datasets.used_by(workspace, model.id) == []


def test_the_web_process_never_opens_a_database(workspace: Workspace, dataset: JobView,
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    import lmdb

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a database was opened in this process")

    monkeypatch.setattr(lmdb, "open", refuse)
    assert datasets.samples(workspace, dataset.id, "train").total == 14
