"""Frames of videos as picture files, for people to label elsewhere: a job that can be stopped."""

import io
import os
import zipfile

import pytest
from PIL import Image

from digits_core.data import frames_job
from digits_core.errors import InvalidOptions, NotFound
from digits_core.jobs.model import Status
from digits_core.services import frames, jobs
from tests.data.videos import video


@pytest.fixture
def clips(tmp_path):
    """Two good videos, one of them deeper, and a bad one."""
    video(tmp_path / "in" / "a.mp4", 4)
    video(tmp_path / "in" / "deeper" / "b c.webm", 3, codec="libvpx-vp9")
    (tmp_path / "in" / "bad.mp4").write_bytes(b"nothing")
    (tmp_path / "in" / "notes.txt").write_text("no video")
    return tmp_path / "in"


def job(workspace, folder, **options):
    return frames.create(workspace, "tester", "frames", {"videos": str(folder), "frames_by": "step", "frame_step": 1,
                                                         **options})


def test_every_video_of_a_folder_becomes_a_folder_of_pictures(workspace, run, clips):
    view = run(job(workspace, clips))
    assert view.status is Status.DONE, view.state
    assert view.folder.summary() == {"videos": 3, "failed": 1, "pictures": 7}
    rows = {row["video"]: row for row in frames.videos(workspace, view.id)}
    assert (rows["a.mp4"]["pictures"], rows["a.mp4"]["width"], rows["a.mp4"]["height"]) == (4, 64, 48)
    assert "no video" in rows["bad.mp4"]["error"]
    names = [path.name for path in frames.pictures(workspace, view.id, "deeper/b c.webm")]
    assert names == [f"b c_frame_00000{number}.jpg" for number in range(3)]
    with zipfile.ZipFile(io.BytesIO(b"".join(frames.archive(workspace, view.id)))) as file:
        assert len(file.namelist()) == 7 and "a.mp4/a_frame_000003.jpg" in file.namelist()
        with Image.open(io.BytesIO(file.read("a.mp4/a_frame_000003.jpg"))) as image:
            assert (image.format, image.size) == ("JPEG", (64, 48))


def test_one_file_and_lossless_pictures(workspace, run, clips):
    view = run(job(workspace, clips / "a.mp4", file_format="png", frames_most=2))
    assert [path.name for path in frames.pictures(workspace, view.id, "a.mp4")] == ["a_frame_000000.png",
                                                                                   "a_frame_000002.png"]


def test_a_stopped_job_keeps_whole_videos_and_begins_the_others_anew(workspace, run, clips, monkeypatch):
    view = job(workspace, clips)
    original, seen = frames_job._written, []

    def written(context, unpacker, clip):
        seen.append(clip.name)
        for step in original(context, unpacker, clip):
            yield step
            if len(seen) == 3:
                jobs.stop(workspace, "tester", view.id)

    monkeypatch.setattr(frames_job, "_written", written)
    assert run(view).status is Status.STOPPED
    assert [row["video"] for row in frames.videos(workspace, view.id)] == ["a.mp4", "bad.mp4"]
    jobs.resume(workspace, "tester", view.id)
    assert run(view).status is Status.DONE
    assert seen == ["a.mp4", "bad.mp4", "deeper/b c.webm", "deeper/b c.webm"]
    assert len(frames.pictures(workspace, view.id, "deeper/b c.webm")) == 3


def test_uploads_keep_their_names_but_lead_nowhere(workspace, run, clips):
    data = (clips / "a.mp4").read_bytes()
    view = run(frames.create(workspace, "tester", "mine", {}, "", [("../../etc/x.mp4", data), ("x/y.mp4", data),
                                                                  ("x/y.mp4", data), ("..", data)]))
    names = [row["video"] for row in frames.videos(workspace, view.id)]
    assert names == ["_.._etc_x.mp4", "x_y.mp4", "2-x_y.mp4", "video3.mp4"]
    assert all(frames.pictures(workspace, view.id, name) for name in names)


def test_nothing_to_read_is_a_failure_with_reasons(workspace, run, clips, tmp_path):
    assert "bad.mp4 is no video" in run(job(workspace, clips / "bad.mp4")).state.reason
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "x.txt").touch()
    assert "No video was found" in run(job(workspace, tmp_path / "empty")).state.reason


def test_problems_stand_at_their_fields(workspace):
    for options in ({}, {"videos": "/no/such"}, {"videos": "job:upload"}):
        with pytest.raises(InvalidOptions) as error:
            frames.create(workspace, "tester", "x", options)
        assert [problem.field for problem in error.value.problems] == ["videos"]


def test_names_that_are_no_text_are_written_as_escapes(workspace, run, clips, tmp_path):
    os.makedirs(os.fsencode(tmp_path / "odd") + b"\xff")  # noqa: PTH103 - bytes
    os.rename(clips / "a.mp4", os.fsencode(tmp_path / "odd") + b"\xff/b\n.mp4")  # noqa: PTH104
    view = run(job(workspace, tmp_path, frames_most=1))
    assert "odd\\xff/b\\n.mp4" in [row["video"] for row in frames.videos(workspace, view.id)]
    assert len(frames.pictures(workspace, view.id, "odd\\xff/b\\n.mp4")) == 1
    b"".join(frames.archive(workspace, view.id)).decode("latin-1").encode()


def test_only_pictures_of_the_jobs_own_videos_are_given(workspace, run, clips):
    view = run(job(workspace, clips / "a.mp4"))
    for name in ("../a.mp4", "b.mp4", "", "/etc"):
        with pytest.raises(NotFound):
            frames.pictures(workspace, view.id, name)
