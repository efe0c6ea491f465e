"""Places in S3 beside new datasets: more pictures, frames of videos, and pictures to ask a model about."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from digits_core.data.version_options import Addition
from digits_core.errors import InvalidOptions
from digits_core.infer.inputs import read_input, read_inputs
from digits_core.infer.options import BatchOptions, VideoOptions
from digits_core.jobs import confine
from digits_core.jobs.model import Status
from digits_core.jobs.store import JobView
from digits_core.options import check
from digits_core.services import frames, inference, versions
from digits_core.services.workspace import Workspace
from tests.data import pictures
from tests.data.s3server import S3, SECRET
from tests.data.test_s3 import bucket, lab, make, s3  # noqa: F401 - fixtures
from tests.data.videos import video
from tests.infer.model_folders import make_model
from tests.ticking import Tick

LAB = {"s3_credentials": "lab"}


def test_more_pictures_come_from_s3_as_from_a_folder(
        s3: S3, bucket: str, make: Callable[..., JobView], workspace: Workspace, run: Tick,  # noqa: F811
        tmp_path: Path) -> None:
    base = make(folder=str(pictures.class_folders(tmp_path / "set", {"cat": 4, "dog": 4})))
    s3.upload(pictures.class_folders(tmp_path / "new", {"cat": 3, "dog": 2}), bucket, "new/")
    how = {"split": "train", "duplicates": "keep"}
    far = run(versions.add_pictures(workspace, "ann", base.id, {"folder": f"s3://{bucket}/new", **LAB, **how}))
    assert far.status is Status.DONE, far.state
    before, after = (view.folder.manifest()["splits"]["train"]["per_class"] for view in (base, far))
    assert [new - old for old, new in zip(before, after, strict=True)] == [3, 2]
    assert not (far.folder.path / ".staging").exists()
    with pytest.raises(InvalidOptions, match="holds nothing"):
        versions.add_pictures(workspace, "ann", base.id, {"folder": f"s3://{bucket}/none", **LAB})


def test_frames_come_from_videos_in_s3(s3: S3, bucket: str, workspace: Workspace, run: Tick,  # noqa: F811
                                       tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    video(tmp_path / "films" / "gate.mp4", 1)
    s3.upload(tmp_path / "films", bucket, "films/")
    view = run(frames.create(workspace, "ann", "gate", {"videos": f"s3://{bucket}/films", **LAB}))
    assert view.status is Status.DONE, view.state
    assert [row["video"] for row in frames.videos(workspace, view.id)] == ["gate.mp4"]
    assert not (view.folder.path / ".s3").exists()


def test_pictures_of_a_batch_come_from_s3_and_stay_with_it(s3: S3, bucket: str, workspace: Workspace,  # noqa: F811
                                                           tmp_path: Path) -> None:
    from digits_core.infer import batch
    from digits_core.infer.inputs import write_inputs
    from digits_core.jobs.context import WorkerContext

    top = pictures.class_folders(tmp_path / "set", {"cat": 2, "dog": 1})
    s3.upload(top, bucket, "in/")
    model = make_model(workspace.store)
    view = inference.create_batch(workspace, "ann", model.id, "far", {"folder": f"s3://{bucket}/in", **LAB})
    assert SECRET in confine.environment(view.folder.path).values()
    for options in ({"method": "max-activations", "layer": "s3://a/b", "folder": "s3://a/b"}, {"method": "text",
                    "folder": "s3://a/b"}):
        (tmp_path / "job.json").write_text(json.dumps({"kind": "inference", "options": options}))
        assert SECRET not in confine.environment(tmp_path).values()
    context = WorkerContext(view.job, view.folder, workspace.store, view.folder.attempt(1), [])
    assert write_inputs(view.folder.path, batch._here(context, workspace.settings), ["cat", "dog"], ()) == 3
    listed = list(read_inputs(view.folder.path))
    assert [(one.image, one.truth) for one in listed] == [
        ("cat/0000.png", "cat"), ("cat/0001.png", "cat"), ("dog/0000.png", "dog")]
    assert read_input(listed[2].source, view.folder.path, [tmp_path / "no"], ()) == (top / "dog/0000.png").read_bytes()
    assert batch._here(context, workspace.settings) == view.job.options  # resumed: nothing is fetched again


@pytest.mark.parametrize(("options", "values", "field"), [
    (BatchOptions, {"method": "watch", "folder": "s3://a/b"}, "folder"),
    (BatchOptions, {"method": "text", "image_list": "s3://a/b.txt"}, "image_list"),
    (VideoOptions, {"video": "s3://a/b.mp4"}, "video"), (Addition, {"folder": "s3://../b"}, "folder")])
def test_where_s3_makes_no_sense_the_field_says_so(options: type, values: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidOptions) as wrong:
        check(options, values)
    assert field in wrong.value.by_field() and "S3" in str(wrong.value)
