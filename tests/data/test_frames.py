"""Videos in folders become pictures of a dataset, and those of one video stay together."""

import threading

import numpy as np
import pytest

from digits_core.data import preview
from digits_core.data.frames import Unpacker, side_by_side
from digits_core.data.plan import together
from digits_core.data.records import Records
from digits_core.data.split import split_together
from digits_core.data.video_options import Take
from digits_core.jobs.model import Status
from digits_core.tasks import tasks
from tests.data import pictures
from tests.data.conftest import check_sums, reasons
from tests.data.videos import class_folders, video

ALL = {"frames_by": "step", "frame_step": 1}


def paths(view) -> dict[str, list[str]]:
    return {name: sorted(record.path for record in records.records(range(len(records))))
            for name in view.folder.manifest()["splits"]
            for records in [Records(view.folder.path / f"{name}.lmdb")]}


def test_clips_in_class_folders_become_a_dataset_and_no_clip_is_in_two_splits(build, tmp_path):
    view = build(folder=str(class_folders(tmp_path / "set")), **ALL, test_percent=25)
    facts = check_sums(view)
    assert (facts["labels"], facts["found"]) == (["cats", "dogs"], 48)
    found = paths(view)
    assert found["train"][0].endswith("_frame_000000.png") and found["train"][0].startswith("cats/")
    clips = {name: {path.rpartition("/")[0] for path in rows} for name, rows in found.items()}
    assert {name: len(rows) for name, rows in clips.items()} == {"train": 4, "val": 2, "test": 2}
    assert not clips["train"] & clips["val"] and not clips["train"] & clips["test"] and not clips["val"] & clips["test"]


def test_pictures_and_clips_may_lie_side_by_side_and_bad_clips_say_why(build, tmp_path):
    top = pictures.class_folders(tmp_path / "set", {"cats": 3})
    class_folders(top, 2)
    (top / "cats" / "broken.mp4").write_bytes(b"nothing")
    view = build(folder=str(top), **ALL, bad_percent=10, frames_most=3)
    assert check_sums(view)["used"] == 3 + 4 * 3
    assert "no video" in reasons(view)[str(top / "cats" / "broken.mp4")]


def test_a_class_of_one_clip_is_in_training_only_and_the_page_is_told(build, tmp_path):
    top = class_folders(tmp_path / "set", 2)
    video(top / "birds" / "only.mp4", 5)
    view = build(folder=str(top), **ALL)
    facts = check_sums(view)
    assert facts["splits"]["val"]["per_class"][0] == 0
    assert {"kind": "not-in-val", "count": 5} in facts["notes"]


def test_only_bad_clips_fail_the_build_with_the_reason(build, tmp_path):
    top = tmp_path / "set"
    for name in ("cats", "dogs"):
        (top / name).mkdir(parents=True)
        (top / name / "a.mp4").write_bytes(b"nothing")
    view = build(folder=str(top))
    assert view.status is Status.FAILED and view.state.reason


def test_frames_are_read_only_from_allowed_folders(build, tmp_path, workspace, monkeypatch):
    top = class_folders(tmp_path / "set", 2)
    outside = video(tmp_path / "outside" / "x.mp4")
    (top / "cats" / "link.mp4").symlink_to(outside)
    monkeypatch.setenv("DIGITS_DATA_ROOTS", str(top))
    view = build(folder=str(top), **ALL, bad_percent=50)
    assert check_sums(view)["used"] == 24
    assert "outside" in reasons(view)[str(top / "cats" / "link.mp4")]


def test_the_look_before_a_build_opens_one_clip_and_says_so(tmp_path):
    task = tasks()["classification"]
    options = task.dataset_options(folder=str(class_folders(tmp_path / "set")), width=8, height=6)
    found = preview.look(task, options, [], [])
    assert found.is_estimate and found.pictures == 8 and "Videos: 8" in found.problems[0]
    assert found.example_name == "cats/0.mp4/0_frame_000000.png" and found.example["squash"]


def test_the_frames_of_a_video_without_labels_make_an_autoencoders_dataset(tmp_path, workspace):
    from digits_core.jobs.runner import InlineRunner
    from digits_core.jobs.scheduler import Scheduler
    from digits_core.services import datasets

    for number in range(3):
        video(tmp_path / "in" / f"{number}.mov", 5, start=50 * number)
    view = datasets.create_dataset(workspace, "tester", "processing", "frames", {
        "folder": str(tmp_path / "in"), "method": "same", "width": 8, "height": 6, **ALL})
    scheduler = Scheduler(workspace.store, workspace.settings, InlineRunner(), gpu_ids=list)
    scheduler.tick()
    scheduler.close()
    view = workspace.store.get(view.id)
    assert view.status is Status.DONE, view.state
    facts = view.folder.manifest()
    assert {name: part["entries"] for name, part in facts["splits"].items()} == {"train": 10, "val": 5}


def test_a_stop_ends_all_videos_that_are_being_decoded(tmp_path):
    class Enough(Exception):
        pass

    def tick():
        if list(tmp_path.glob("*/*.png")):
            raise Enough

    clips = [(str(video(tmp_path / f"{number}.mp4", 200)), tmp_path / str(number)) for number in range(6)]
    before = threading.active_count()
    with pytest.raises(Enough):
        list(side_by_side(Unpacker(tmp_path, Take(), tick=tick), clips))
    assert threading.active_count() == before
    assert sum(len(list(target.glob("*.png"))) < 200 for _, target in clips) > 3


class Names:
    """Stands for a list of pictures."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def location(self, place: int) -> str:
        return self.names[place]

    def name(self, location: str) -> str:
        return location


@pytest.mark.parametrize(("by", "expected"), [("video", [0, 0, 1, 2, 3, 3]), ("folder", [0, 0, 1, 1, 2, 2])])
def test_what_belongs_together_is_told_by_names(by, expected):
    names = Names("a/x.mp4/x_frame_000000.png", "a/x.mp4/x_frame_000009.png", "a/p1/1.png", "a/p1/2.png",
                  "a/y_frame_000001.jpg", "b/y_frame_000002.jpg")
    assert together(names, np.arange(6), by).tolist() == expected


def test_plain_pictures_belong_to_nobody():
    assert together(Names("a/1.png", "b/2.png"), np.arange(2), "video") is None
    assert together(Names("a/1.png", "b/2.png"), np.arange(2), "folder") is None


def test_groups_are_never_divided_and_shares_are_near_what_was_asked_for():
    random = np.random.default_rng(3)
    groups = random.integers(0, 60, 1200)
    labels = groups % 3
    found = split_together(labels, groups, {"val": 20, "test": 10}, 1)
    assert sorted(np.concatenate(list(found.values())).tolist()) == list(range(1200))
    seen = {name: set(groups[places]) for name, places in found.items()}
    assert not seen["train"] & seen["val"] and not seen["train"] & seen["test"] and not seen["val"] & seen["test"]
    for name, share in (("val", 0.2), ("test", 0.1)):
        for label in range(3):
            assert abs((labels[found[name]] == label).sum() / (labels == label).sum() - share) < 0.05
    again = split_together(labels, groups, {"val": 20, "test": 10}, 1)
    assert all((again[name] == places).all() for name, places in found.items())


def test_one_group_of_a_class_stays_in_training():
    found = split_together(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 2]), {"val": 25}, 0)
    assert set(found["train"]) >= {0, 1} and len(found["val"]) == 1

