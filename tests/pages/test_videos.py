"""Videos, watched folders and the camera on the pages."""

import time

from digits_core import files
from digits_core.infer.course import FILM
from digits_core.jobs import process
from digits_core.jobs.model import Kind
from digits_core.services import frames, inference, videos
from tests.data.videos import video
from tests.faults.folders import end
from tests.infer.model_folders import LABELS, make_model, picture
from tests.pages.conftest import words


def test_the_form_for_frames_of_videos(visit, workspace, tmp_path):
    app = visit("datasets.py", new="frames")
    assert "Which frames?" in words(app)
    app.button(key="frames.new.create").click().run()
    assert "Upload a video, or give the path of one" in words(app)
    path = video(tmp_path / "a.mp4", 1)
    app.text_input(key="frames.new.name").set_value("mine")
    app.text_input(key="frames.new.videos").set_value(str(path))
    app.button(key="frames.new.create").click().run()
    job, = workspace.store.jobs(Kind.FRAMES)
    assert (job.name, job.job.options["videos"]) == ("mine", str(path))
    assert "mine" in list(visit("datasets.py").dataframe[0].value["name"])
    assert "Which frames?" in words(visit("datasets.py", clone=job.id))


def done_frames(workspace, path):
    view = frames.create(workspace, "tester", "taken", {"videos": str(path)})
    folder = view.folder.path / "frames" / "a.mp4"
    folder.mkdir(parents=True)
    for number in range(3):
        (folder / f"a_frame_{number:06d}.jpg").write_bytes(picture(number))
    files.append_jsonl(view.folder.path / "videos.jsonl", {"video": "a.mp4", "pictures": 3, "frames": 9, "seconds": 0.9,
                                                           "width": 20, "height": 20, "damaged": 0})
    files.append_jsonl(view.folder.path / "videos.jsonl", {"video": "b.mp4", "error": "is no video"})
    end(view.folder.path, {"videos": 2, "failed": 1, "pictures": 3})
    return view


def test_a_finished_job_of_frames_shows_pictures_and_reasons(visit, workspace, tmp_path):
    view = done_frames(workspace, video(tmp_path / "a.mp4", 1))
    app = visit("job.py", id=view.id)
    assert "Pictures 3" in words(app) and "Could not be read 1" in words(app) and "went wrong" not in words(app)
    app = visit("job.py", id=view.id, tab="Videos")
    assert "is no video" in str(app.dataframe[0].value)


def test_the_form_for_a_video(visit, workspace, tmp_path):
    model = make_model(workspace.store)
    app = visit("inference.py", mode="Video")
    app.button(key="video.new.create").click().run()
    assert "Upload a video" in words(app)
    app.text_input(key="video.new.name").set_value("gate")
    app.text_input(key="video.new.video").set_value(str(video(tmp_path / "a.mp4", 1)))
    app.button(key="video.new.create").click().run()
    job, = [view for view in workspace.store.jobs(Kind.INFERENCE) if view.job.kind is Kind.INFERENCE]
    assert (job.name, job.job.options["model"], job.job.options["view_options"]) == ("gate", model.id, {"top": 5})
    assert visit("inference.py", clone=job.id).text_input(key=f"video.{job.id}.name").value == "gate"


def test_a_video_that_was_asked_about_is_played_and_charted(visit, workspace, tmp_path):
    path = video(tmp_path / "a.mp4", 2)
    view = videos.create(workspace, "tester", make_model(workspace.store).id, "gate", {"video": str(path)})
    (view.folder.path / FILM).write_bytes(path.read_bytes())
    files.write_atomic(view.folder.path / "summary.json", {
        "v": 1, "pictures": 2, "failed": 0, "seconds": 0.1, "rate": 10.0, "figure": "Probability",
        "chart": {"seconds": [0.0, 0.1], "series": {LABELS[0]: [0.5, 0.6]}}})
    end(view.folder.path, {"pictures": 2, "failed": 0})
    app = visit("job.py", id=view.id)
    assert "Frames 2" in words(app) and "went wrong" not in words(app) and "damaged" not in words(app)
    assert app.get("video") and app.get("plotly_chart")


def test_a_watched_folder_shows_the_newest_pictures(visit, workspace, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(picture())
    view = inference.create_batch(workspace, "tester", make_model(workspace.store).id, "inbox", {
        "method": "watch", "folder": str(tmp_path / "in")})
    files.append_jsonl(view.folder.path / "predictions.jsonl", {
        "n": 0, "image": "a.png", "source": str(tmp_path / "in" / "a.png"), "stamp": [1, 1],
        "predictions": [{"label": LABELS[1], "probability": 0.5}]})
    attempt = view.folder.newest()
    files.write_once(attempt.launch, {"process": process.identity(), "started": time.time(),
                                      "boot_s": process.boot_clock(), "devices": []})
    files.write_atomic(view.folder.progress_file, {"done": 0.0, "phase": "Watching", "beat_s": process.boot_clock(),
                                                   "extra": {"pictures": 1, "waiting": 2}})
    app = visit("job.py", id=view.id)
    assert "1 picture so far, 2 not whole yet" in words(app) and f"**{LABELS[1]}** 50.00 %" in words(app)


def test_the_watching_form_and_the_camera(visit, workspace):
    make_model(workspace.store)
    app = visit("inference.py", mode="Many pictures")
    app.segmented_control(key="batch.new.method").set_value("watch").run()
    assert "Watch the folder" in words(app)
    app = visit("inference.py")
    app.session_state["inference.source"] = "Camera"
    app.run()
    assert app.get("camera_input") and "https pages" in words(app)


def test_the_dataset_form_tells_of_videos(visit):
    there = [widget.key or "" for widget in visit("datasets.py", new="classification").get("number_input")]
    assert any(key.endswith(".frames_most") for key in there)
