import os
import signal
import threading
from pathlib import Path

import pytest

from digits_core import files
from digits_core.infer.client import InferenceClient, current
from digits_core.jobs.model import Kind, Status
from digits_core.jobs.scheduler import Scheduler
from digits_core.services import inference, jobs, thumbnails
from tests.infer.model_folders import LABELS, make_model, picture
from tests.infer.sharing import shared_workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    yield from shared_workspace(tmp_path_factory.mktemp("shared"))


@pytest.fixture
def pictures(tmp_path):
    """Twelve pictures in folders of three classes, one of them broken, one with an odd name."""
    root = tmp_path / "bilder für alle"
    for number in range(11):
        folder = root / LABELS[number % 3]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"ein bild {number} 日本.png").write_bytes(picture(number))
    (root / LABELS[0] / "broken.png").write_bytes(b"\x89PNG nothing")
    return root


def batch(workspace, model, folder, **options):
    return inference.create_batch(workspace, "tester", model.id, "many", {"folder": str(folder), **options})


def test_every_picture_is_one_row_and_the_broken_one_says_why(workspace, run, pictures):
    view = run(batch(workspace, make_model(workspace.store), pictures))
    assert view.status is Status.DONE, view.state.reason
    page = inference.batch_results(workspace, view.id, 0, 100)
    assert page.total == 12
    assert [row["n"] for row in page.rows] == list(range(12))
    failed = inference.batch_results(workspace, view.id, only="failed")
    assert failed.total == 1
    assert "truncated" in failed.rows[0]["error"] or "damaged" in failed.rows[0]["error"]
    assert all(len(row["predictions"]) == 5 for row in page.rows if "error" not in row)
    assert view.folder.summary()["pictures"] == 12
    assert view.folder.summary()["failed"] == 1


def test_accuracy_and_confusion_come_from_the_class_folders(workspace, run, pictures):
    view = run(batch(workspace, make_model(workspace.store), pictures))
    summary = inference.batch_summary(workspace, view.id)
    rows = [row for row in inference.batch_results(workspace, view.id, 0, 100).rows if "error" not in row]
    right = sum(row["truth"] == row["predictions"][0]["label"] for row in rows)
    assert summary["accuracy"] == right / 11
    assert sum(map(sum, summary["confusion"])) == 11
    assert view.folder.summary()["accuracy"] == summary["accuracy"]
    assert inference.batch_results(workspace, view.id, only="wrong").total == 11 - right


def test_page_batch_and_one_by_one_agree_to_the_last_digit(workspace, run, pictures):
    model = make_model(workspace.store)
    view = run(batch(workspace, model, pictures, top=10))
    for row in inference.batch_results(workspace, view.id, 0, 100).rows:
        if "error" not in row:
            image = inference.load_images(workspace, [row["source"]])
            alone = inference.classify(workspace, "", model.id, image, top=10)[0]
            assert alone["predictions"] == row["predictions"]


def test_a_stopped_batch_goes_on_where_it_was(workspace, run, pictures, monkeypatch):
    view = batch(workspace, make_model(workspace.store), pictures)
    monkeypatch.setattr("digits_core.infer.batch.CHUNK", 4)
    asked = []

    def stop_at_the_second(self, *arguments):
        asked.append(len(arguments[2]))
        if len(asked) == 2:
            jobs.stop(workspace, "tester", view.id)
        return original(self, *arguments)

    original = InferenceClient.classify
    monkeypatch.setattr(InferenceClient, "classify", stop_at_the_second)
    assert run(view).status is Status.STOPPED
    assert inference.batch_results(workspace, view.id).total == 8
    jobs.resume(workspace, "tester", view.id)
    assert run(view).status is Status.DONE
    assert [row["n"] for row in inference.batch_results(workspace, view.id, 0, 100).rows] == list(range(12))
    assert sum(asked) == 12


def test_a_worker_killed_in_the_middle_loses_and_doubles_no_row(workspace, tmp_path, until):
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(400):
        (folder / f"{number:04d}.png").write_bytes(picture(number % 7))
    view = batch(workspace, make_model(workspace.store), folder)
    scheduler = Scheduler(workspace.store, workspace.settings, gpu_ids=list)
    kills = 0

    def ended():
        nonlocal kills
        scheduler.tick()
        now = workspace.store.get(view.id)
        done = inference.batch_results(workspace, view.id, 0, 0).total
        if now.status is Status.RUNNING and now.attempt.launch and kills < 3 and done >= (kills + 1) * 60:
            os.kill(now.attempt.launch["process"]["pid"], signal.SIGKILL)
            kills += 1
        if now.status is Status.FAILED:
            jobs.resume(workspace, "tester", view.id)
        return now.status is Status.DONE

    try:
        until(ended, 120)
    finally:
        scheduler.close()
    assert kills == 3
    lines = (view.folder.path / "predictions.jsonl").read_bytes().splitlines()
    rows = inference.batch_results(workspace, view.id, 0, 1000).rows
    assert len(lines) == len(rows) == 400
    assert [row["image"] for row in rows] == [f"{number:04d}.png" for number in range(400)]
    assert inference.batch_summary(workspace, view.id)["pictures"] == 400


def test_the_inference_process_may_be_killed_meanwhile(workspace, run, pictures, monkeypatch):
    view = batch(workspace, make_model(workspace.store), pictures)
    monkeypatch.setattr("digits_core.infer.batch.CHUNK", 3)
    original, killed = InferenceClient._ask, []

    def kill_once(self, path, *arguments):
        if path == "/classify" and not killed:
            killed.append(self.status()["pid"])
            os.kill(killed[0], signal.SIGKILL)
        return original(self, path, *arguments)

    monkeypatch.setattr(InferenceClient, "_ask", kill_once)
    assert run(view).status is Status.DONE
    assert inference.batch_results(workspace, view.id, only="failed").total == 1
    assert inference.batch_results(workspace, view.id).total == 12
    assert current(workspace.settings.jobs_dir)["process"]["pid"] != killed[0]


def test_uploads_become_a_batch_and_their_hostile_names_stay_names(workspace, run, tmp_path):
    (tmp_path / "temp").write_bytes(picture(1))
    uploads = [("../../../etc/evil.png", tmp_path / "temp"), ("=1+1.png", picture(2)), ("same", b""), ("same", b"")]
    view = inference.create_batch(workspace, "tester", make_model(workspace.store).id, "up", {}, uploads=uploads)
    assert run(view).status is Status.DONE
    rows = inference.batch_results(workspace, view.id).rows
    assert [row["image"] for row in rows] == [name for name, _ in uploads]
    assert [row.get("error", "") for row in rows] == ["", "", "is empty (0 bytes)", "is empty (0 bytes)"]
    assert b"'=1+1.png" in b"".join(inference.batch_csv(workspace, view.id))
    images = thumbnails.thumbnails(workspace, view.id, rows)
    assert [image is not None and image.startswith(b"\x89PNG") for image in images] == [True, True, False, False]


def test_an_uploaded_list_reads_its_pictures_from_the_image_folder(workspace, run, pictures):
    name = f"{LABELS[1]}/ein bild 1 日本.png"
    view = inference.create_batch(workspace, "tester", make_model(workspace.store).id, "list",
                                  {"image_folder": str(pictures)}, list_upload=f"{name} 1\nmissing.png 2\n".encode())
    assert run(view).status is Status.DONE
    first, second = inference.batch_results(workspace, view.id).rows
    assert (first["image"], first["truth"]) == (name, LABELS[1])
    assert (second["error"], second["truth"]) == ("is not there", LABELS[2])


def test_an_empty_folder_fails_with_a_sentence(workspace, run, tmp_path):
    (tmp_path / "in").mkdir()
    view = run(batch(workspace, make_model(workspace.store), tmp_path / "in"))
    assert view.status is Status.FAILED
    assert "no picture to classify" in view.state.reason


def test_a_damaged_checkpoint_fails_the_batch_with_its_reason(workspace, run, pictures):
    model = make_model(workspace.store)
    view = batch(workspace, model, pictures)
    path = model.folder.checkpoints / "epoch_0002.000.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    view = run(view)
    assert view.status is Status.FAILED
    assert "wrong sha256" in view.state.reason
    assert inference.batch_results(workspace, view.id).total == 0


def test_pages_predict_while_a_batch_runs(workspace, run, pictures):
    model = make_model(workspace.store)
    view = batch(workspace, model, pictures)
    worker = threading.Thread(target=run, args=(view,))
    worker.start()
    answers = [inference.classify(workspace, "", model.id, [("a", picture(3))]) for _ in range(5)]
    worker.join()
    assert all(answer[0]["predictions"] == answers[0][0]["predictions"] for answer in answers)
    assert workspace.store.get(view.id).status is Status.DONE


def test_the_job_keeps_what_was_asked(workspace, pictures):
    model = make_model(workspace.store)
    view = batch(workspace, model, pictures, checkpoint="1", limit=2)
    job = files.read_json(Path(view.folder.path) / "job.json")
    assert (job["kind"], job["needs"]) == (Kind.INFERENCE, [model.id])
    assert job["options"]["checkpoint_file"] == "epoch_0001.000.safetensors"
