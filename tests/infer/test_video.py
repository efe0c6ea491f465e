"""A video is asked about frame by frame, as a job that can be stopped, and drawn into a video of its own."""

import csv
import io

import numpy as np
import pytest
from PIL import Image

from digits_core import views
from digits_core.data.pictures import to_png
from digits_core.data.video_options import Take
from digits_core.data.videos import Video
from digits_core.errors import InvalidOptions, NotFound
from digits_core.infer import course
from digits_core.infer.client import InferenceClient
from digits_core.jobs.model import Status
from digits_core.services import inference, jobs, videos
from digits_core.views.film import annotated
from tests.data.videos import video
from tests.infer.model_folders import LABELS, make_model
from tests.infer.sharing import shared_workspace
from tests.ticking import ticking


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    yield from shared_workspace(tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="module")
def model(workspace):
    return make_model(workspace.store)


@pytest.fixture(scope="module")
def run(workspace):
    yield from ticking(workspace)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return video(tmp_path_factory.mktemp("clip") / "a.mp4", 6)


@pytest.fixture(scope="module")
def asked(workspace, model, run, clip):
    """The first five frames of the clip, ten labels of each."""
    return run(job(workspace, model, clip, limit=5, top=10))


def job(workspace, model, path, view_options=None, **options):
    return videos.create(workspace, "tester", model.id, "clip", {"video": str(path), **options}, "", None, view_options)


def rows(workspace, view):
    return inference.batch_results(workspace, view.id, 0, 1000).rows


def table(workspace, view):
    return list(csv.DictReader(io.StringIO(b"".join(videos.csv(workspace, view.id)).decode())))


def test_every_frame_gets_the_answer_that_its_picture_gets(workspace, model, asked, clip):
    assert asked.status is Status.DONE, asked.state
    with Video(str(clip), (), Take(most=None)) as frames:
        pictures = [(str(frame.number), to_png(frame.pixels.transpose(2, 0, 1))) for frame in frames][:5]
    alone = inference.classify(workspace, "", model.id, pictures, top=10)
    found = rows(workspace, asked)
    assert [row["predictions"] for row in found] == [answer["predictions"] for answer in alone]
    assert [(row["frame"], row["seconds"]) for row in found] == [(n, n / 10) for n in range(5)]


def test_the_annotated_video_has_all_frames_and_the_length_of_the_first(workspace, model, run, tmp_path):
    view = run(job(workspace, model, video(tmp_path / "a.mp4", 12), step=3))
    with Video(str(videos.film(workspace, view.id))) as film:
        frames = list(film)
    assert [round(frame.seconds, 2) for frame in frames] == [0, 0.3, 0.6, 0.9]
    assert frames[0].pixels.shape == (240, 320, 3), "small frames grow by whole factors"
    assert frames[3].pixels[-10, -10].mean() == pytest.approx(8 * 9, abs=6), "the video's own picture"
    assert frames[3].pixels[2:20, 2:100].max() > 200, "words in the corner"


def test_the_table_has_a_line_for_each_frame(workspace, asked):
    found = table(workspace, asked)
    assert [(row["frame"], row["seconds"], row["error"]) for row in found][:2] == [("0", "0.0", ""), ("1", "0.1", "")]
    assert list(found[0]) == ["frame", "seconds", "error", *(f"{word}{k}" for k in range(1, 11)
                                                             for word in ("label", "probability"))]
    assert found[0]["label1"].lstrip("'") in LABELS


def test_the_summary_has_lines_to_follow(workspace, asked):
    summary = inference.batch_summary(workspace, asked.id)
    assert (summary["pictures"], summary["failed"], summary["rate"]) == (5, 0, 10)
    chart = summary["chart"]
    assert chart["seconds"] == [0, 0.1, 0.2, 0.3, 0.4] and set(chart["series"]) <= set(LABELS)
    assert np.sum([values[0] for values in chart["series"].values()]) == pytest.approx(1, abs=1e-4)


def test_a_stopped_job_goes_on_with_the_next_frame(workspace, model, run, tmp_path, monkeypatch):
    view = job(workspace, model, video(tmp_path / "a.mp4", 36), step=2)
    asked = []

    def stop_at_the_first(self, *arguments):
        asked.append([name for name, _ in arguments[2]])
        if len(asked) == 1:
            jobs.stop(workspace, "tester", view.id)
        return original(self, *arguments)

    original = InferenceClient.classify
    monkeypatch.setattr(InferenceClient, "classify", stop_at_the_first)
    assert run(view).status is Status.STOPPED
    assert len(rows(workspace, view)) == 16
    with pytest.raises(NotFound):
        videos.film(workspace, view.id)
    jobs.resume(workspace, "tester", view.id)
    assert run(view).status is Status.DONE
    seen = [name for names in asked for name in names]
    assert seen == [f"frame {number}" for number in range(0, 36, 2)], "nothing twice, nothing left out"
    assert [row["n"] for row in rows(workspace, view)] == list(range(18))
    with Video(str(videos.film(workspace, view.id))) as film:
        assert len(list(film)) == 18


def test_a_row_that_was_half_written_is_asked_about_again(workspace, model, run, tmp_path):
    view = job(workspace, model, video(tmp_path / "a.mp4", 5))
    (view.folder.path / "predictions.jsonl").write_text(
        '{"n": 0, "image": "frame 0", "frame": 0, "seconds": 0.0, "predictions": []}\n{"n": 1, "ima')
    assert run(view).status is Status.DONE
    assert [row["frame"] for row in rows(workspace, view)] == [0, 1, 2, 3, 4]


def test_a_frame_that_ends_the_inference_process_is_drawn_as_such(workspace, model, run, tmp_path, monkeypatch):
    def answers(context, client, images, top, embed=False):
        return [{"error": "ended the inference process twice"} for _ in images]

    monkeypatch.setattr("digits_core.infer.video.ask", answers)
    view = run(job(workspace, model, video(tmp_path / "a.mp4", 3)))
    assert view.status is Status.DONE
    assert view.folder.summary()["failed"] == 3 and table(workspace, view)[0]["error"].startswith("ended")


@pytest.mark.parametrize("content", [b"", b"nothing at all", b"#EXTM3U\nfile:///etc/passwd\n"])
def test_what_is_no_video_fails_with_words(workspace, model, run, tmp_path, content):
    (tmp_path / "a.mp4").write_bytes(content)
    view = run(job(workspace, model, tmp_path / "a.mp4"))
    assert view.status is Status.FAILED
    assert view.state.reason.startswith("The video is no video of a known format")


def test_an_uploaded_video_lies_in_the_job(workspace, model, run, tmp_path):
    path = video(tmp_path / "a.mp4", 3)
    view = run(videos.create(workspace, "tester", model.id, "mine", {}, upload=("../../x.mp4", path.read_bytes())))
    assert view.status is Status.DONE, view.state
    assert (view.folder.path / "upload" / "000000").is_file() and len(rows(workspace, view)) == 3


def test_problems_stand_at_their_fields(workspace, model, tmp_path):
    def fields(*words, **more):
        with pytest.raises(InvalidOptions) as error:
            videos.create(workspace, "tester", *words, **more)
        return [problem.field for problem in error.value.problems]

    assert fields(model.id, "", {}) == ["name", "video"]
    assert fields(model.id, "x", {"video": "/no/such.mp4"}) == ["video"]
    assert fields(model.id, "x", {"video": "job:upload"}) == ["video"], "nobody reaches another's upload"
    assert fields(model.id, "x", {"video": "http://a/b.mp4", "step": 0}) == ["step"]
    assert fields("x", "x", {"video": "http://a/b.mp4"}) == ["model"]
    assert fields(model.id, "x", {"video": "http://a/b.mp4"}, view_options={"nothing": 1}) == ["nothing"]


def test_long_videos_give_few_points_and_the_largest_lines():
    def made():
        return ({"seconds": n / 10, "values": {f"c{k}": (k == n // 500) + 0.001 * k for k in range(20)}}
                for n in range(3001))

    found = course.lines(made, lambda row: row["values"], 3001)
    assert len(found["seconds"]) == 501 and len(found["series"]) == 10
    assert found["seconds"][1] == pytest.approx(0.85) and found["series"]["c0"][:2] == [1, 1]


def test_the_table_of_a_detector_counts_and_lists_its_boxes():
    boxes = [{"label": "cat", "score": 0.9, "box": [1, 2, 3.5, 4]}, {"label": "cat", "score": 0.1, "box": [0, 0, 1, 1]}]
    row = {"frame": 7, "seconds": 0.7, "boxes": boxes, "labels": ["cat", "=dog"]}
    name = "digits_core.views.detection"
    text = b"".join(course.csv_lines([row], ["cat", "=dog"], lambda row: views.figures(name, row, {}), 5)).decode()
    assert text == ("frame,seconds,error,cat,'=dog,boxes\n"
                    "7,0.7,,1.0,0.0,cat 0.9000 1 2 3.5 4; cat 0.1000 0 0 1 1\n")


@pytest.mark.parametrize(("size", "expected"), [
    ((28, 28), (308, 308)), ((64, 48), (320, 240)), ((321, 241), (320, 240)),
    ((1920, 1080), (1280, 720)), ((3, 500), (2, 500))])
def test_frames_of_a_film_have_even_sides_and_a_size_that_can_be_read(size, expected):
    assert annotated(Image.new("RGB", size), [views.Bars([("a", 0.5)])]).size == expected


def test_a_view_that_draws_gives_the_picture_of_the_film():
    png = io.BytesIO()
    Image.new("RGB", (64, 48), "green").save(png, "PNG")
    made = annotated(Image.new("RGB", (64, 48)), [views.Text("x"), views.Picture(png.getvalue())])
    assert made.getpixel((5, 5)) == (0, 128, 0)


def test_a_job_of_pictures_has_no_film(workspace, model, tmp_path):
    view = inference.create_batch(workspace, "tester", model.id, "many", {"folder": str(tmp_path)})
    with pytest.raises(NotFound):
        videos.film(workspace, view.id)
