import io
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from digits_core.cli.waiting import Bar, line
from digits_core.jobs.model import Status
from digits_core.jobs.scheduler import Scheduler, SchedulerThread
from digits_core.services.system import scheduler_runs
from digits_core.services.workspace import Workspace
from tests.cli.conftest import last_json
from tests.faults.fakes import starts


def test_waiting_runs_the_job_without_a_server_and_ends_with_it(digits: Callable, process: Callable,
                                                                fake_job: Callable) -> None:
    view = fake_job()
    digits("stop", view.id)
    running = process("resume", view.id, "--wait", "--json", fake=True)
    stdout, stderr = running.communicate(timeout=120)
    assert running.returncode == 0
    facts = last_json(stdout)
    assert (facts["id"], facts["status"], facts["metrics"]) == (view.id, "done", {"steps": 3})
    assert "100 %" in stderr


def test_a_job_that_fails_is_exit_code_1_with_its_reason(digits: Callable, process: Callable,
                                                         fake_job: Callable) -> None:
    view = fake_job(fail="the moon is in the way")
    digits("stop", view.id)
    running = process("resume", view.id, "--wait", "--json", fake=True)
    stdout, stderr = running.communicate(timeout=120)
    assert running.returncode == 1
    assert last_json(stdout)["status"] == "failed"
    assert "the moon is in the way" in stderr


def test_ctrl_c_ends_the_waiting_and_not_the_job(process: Callable, fake_job: Callable, tmp_path: Path,
                                                 digits: Callable, until: Callable, workspace: Workspace) -> None:
    gate = tmp_path / "gate"
    view = fake_job(wait_for=str(gate))
    digits("stop", view.id)
    waiting = process("resume", view.id, "--wait", fake=True)
    until(lambda: workspace.store.get(view.id).status is Status.RUNNING and starts(view))
    waiting.send_signal(signal.SIGINT)
    _, stderr = waiting.communicate(timeout=30)
    assert waiting.returncode == 130
    assert "Stopped waiting; the job is running and goes on" in stderr
    gate.touch()
    until(lambda: workspace.store.get(view.id).status is Status.DONE)


def test_beside_a_server_the_server_does_the_work(process: Callable, fake_job: Callable, workspace: Workspace,
                                                  digits: Callable, fake_workers: None, until: Callable) -> None:
    views = [fake_job() for _ in range(3)]
    for view in views:
        digits("stop", view.id)
    thread = SchedulerThread(Scheduler(workspace.store, workspace.settings, gpu_ids=list))
    thread.start()
    until(lambda: scheduler_runs(workspace))
    try:
        waiting = [process("resume", view.id, "--wait", "--json", fake=True) for view in views]
        told = [one.communicate(timeout=120) for one in waiting]
        assert [one.returncode for one in waiting] == [0] * 3, told
        assert [last_json(stdout)["status"] for stdout, _ in told] == ["done"] * 3
        assert [starts(view) for view in views] == [1, 1, 1]
    finally:
        thread.ended.set()
        thread.join(10)
        for child, _, _ in thread.scheduler.runner.children:
            child.wait(10)


def test_when_the_server_dies_the_waiting_command_takes_over(process: Callable, fake_job: Callable, digits: Callable,
                                                             until: Callable, workspace: Workspace,
                                                             tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    view = fake_job(wait_for=str(gate))
    digits("stop", view.id)
    server = process("scheduler", fake=True)
    waiting = process("resume", view.id, "--wait", "--json", fake=True)
    until(lambda: workspace.store.get(view.id).status is Status.RUNNING and starts(view))
    server.kill()
    server.communicate(timeout=30)
    gate.touch()
    stdout, stderr = waiting.communicate(timeout=120)
    assert (waiting.returncode, last_json(stdout)["status"]) == (0, "done"), stderr
    assert starts(view) == 1


def test_the_scheduler_command_runs_jobs_and_ends_on_sigterm(process: Callable, fake_job: Callable, until: Callable,
                                                             workspace: Workspace) -> None:
    view = fake_job()
    running = process("scheduler", fake=True)
    until(lambda: workspace.store.get(view.id).status is Status.DONE)
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=30)
    assert running.returncode == 0
    assert "schedules the jobs" in (workspace.store.root / "scheduler.log").read_text()


def test_a_job_without_wait_says_that_nobody_runs_it(digits: Callable, finished_job: Callable) -> None:
    result = digits("train", "--dataset", finished_job("dataset", name="Pets").id, "--epochs", "3", "--json")
    assert result.exit_code == 0
    facts = last_json(result.stdout)
    assert (facts["status"], facts["name"], facts["options"]["epochs"]) == ("waiting", "lenet on Pets", 3)
    assert "--wait" in result.stderr


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_the_bar_moves_on_a_terminal_and_adds_lines_elsewhere(stream: type[io.StringIO],
                                                              finished_job: Callable) -> None:
    view = finished_job("model")
    output = stream()
    bar = Bar(output, clock=iter([0.0, 0.1, 0.3]).__next__)
    for _ in range(3):
        bar.show(view)
    bar.close()
    assert output.getvalue().count(line(view)) == (3 if output.isatty() else 1)
    assert output.getvalue().endswith("\n")


def test_a_line_tells_share_phase_and_epoch(finished_job: Callable) -> None:
    assert line(finished_job("model"), width=4) == "[####] 100 % done, epoch 2.00"


def test_a_closed_pipe_is_no_traceback(process: Callable, finished_job: Callable) -> None:
    finished_job("dataset")
    running = process("jobs", "--json")
    assert isinstance(running, subprocess.Popen)
    running.stdout.close()
    assert "Traceback" not in running.stderr.read()
    running.wait(30)
    running.stderr.close()
