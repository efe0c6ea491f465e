from collections.abc import Callable

from digits_core.services.workspace import Workspace
from tests.cli.conftest import last_json


def test_jobs_are_listed_newest_first(digits: Callable, finished_job: Callable, fake_job: Callable) -> None:
    done = finished_job("dataset", name="Pets")
    waiting = fake_job(name="later", job_id="20990101-000000-abcd")
    lines = digits("jobs").stdout.splitlines()
    assert [line.split()[0] for line in lines] == [waiting.id, done.id]
    assert lines[1].endswith("Pets")
    assert last_json(digits("jobs", "--status", "waiting", "--json").stdout)["jobs"][0]["id"] == waiting.id
    assert digits("jobs", "--kind", "model", "--search", "later").stdout.startswith(waiting.id)
    assert digits("jobs", "--kind", "thing").exit_code == 2


def test_show_and_log(digits: Callable, finished_job: Callable) -> None:
    view = finished_job("model")
    assert "accuracy=0.5" in digits("show", view.id).stdout
    facts = last_json(digits("show", view.id, "--json").stdout)
    assert (facts["id"], facts["status"], facts["metrics"]["accuracy"]) == (view.id, "done", 0.5)
    assert "[INFO] done" in digits("log", view.id).stdout
    assert "[INFO] done" in digits("log", view.id, "--follow").stdout


def test_stop_resume_delete_restore(digits: Callable, fake_job: Callable) -> None:
    view = fake_job()
    assert last_json(digits("stop", view.id, "--json").stdout)["status"] == "stopped"
    resumed = digits("resume", view.id, "--json")
    assert last_json(resumed.stdout)["status"] == "waiting"
    assert "No server runs on this jobs folder" in resumed.stderr
    assert digits("delete", view.id).exit_code == 0
    assert digits("jobs").stdout == ""
    assert digits("jobs", "--trash").stdout.startswith(view.id)
    assert last_json(digits("restore", view.id, "--json").stdout)["id"] == view.id
    assert digits("delete", "--purge", view.id).exit_code == 0
    assert digits("restore", view.id).exit_code == 2


def test_many_at_once_go_on_after_a_failure(digits: Callable, fake_job: Callable, workspace: Workspace) -> None:
    first, second = fake_job(owner="fred"), fake_job()
    result = digits("delete", first.id, second.id)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{first.id}: 'fake' belongs to fred")
    assert workspace.store.ids() == [first.id]


def test_edit_changes_name_and_priority(digits: Callable, fake_job: Callable, workspace: Workspace) -> None:
    view = fake_job()
    assert digits("edit", view.id, "--name", "New", "--priority", "5").exit_code == 0
    assert workspace.store.get(view.id).name == "New"
    assert digits("edit", view.id, "--name", " ").stderr.startswith("--name: A name is required")


def test_event_files_for_tensorboard_are_written(digits, finished_job, tmp_path) -> None:
    view = finished_job("model")
    answer = digits("tensorboard", view.id, "--to", tmp_path, "--follow", "--json")
    assert answer.exit_code == 0
    assert len(list((tmp_path / view.id).glob("events.out.tfevents.*"))) == 1


def test_a_timeline_is_written_and_a_missing_one_says_how_to_get_it(digits, finished_job, tmp_path) -> None:
    view = finished_job("model")
    assert "Trace steps" in digits("trace", view.id).stderr
    (view.folder.path / "trace").mkdir()
    (view.folder.path / "trace" / "trace.json.gz").write_bytes(b"x")
    assert digits("trace", view.id, "--to", tmp_path / "t.gz").exit_code == 0
    assert (tmp_path / "t.gz").read_bytes() == b"x"
