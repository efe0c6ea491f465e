import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from digits_core.infer import client
from digits_core.infer.client import InferenceClient, InferenceDown, current
from digits_core.infer.protocol import folder_of, log_of, record_of
from digits_core.jobs import process
from tests.infer.model_folders import make_model, picture

BEST = "epoch_0002.000.safetensors"
IMAGES = [("a.png", picture(1)), ("b.png", picture(2))]


@pytest.fixture
def inference(workspace):
    return InferenceClient(workspace.settings)


def pid_of(settings):
    return current(settings.jobs_dir)["process"]["pid"]


def servers(settings):
    found = []
    for one in psutil.process_iter(["cmdline"]):
        line = one.info["cmdline"] or []
        if "digits_core.infer.server" in line and str(settings.jobs_dir) in line:
            found.append(one.pid)
    return found


def test_it_starts_on_demand_detached_and_silent(store, settings, inference):
    assert current(settings.jobs_dir) is None
    answers = inference.classify(make_model(store).id, BEST, IMAGES, 3)
    assert [len(answer["predictions"]) for answer in answers] == [3, 3]
    pid = pid_of(settings)
    assert os.getsid(pid) == pid
    assert Path(f"/proc/{pid}/fd/0").readlink() == Path("/dev/null")
    assert Path(f"/proc/{pid}/fd/1").readlink() == log_of(settings.jobs_dir).resolve()
    assert Path(current(settings.jobs_dir)["socket"]).parent.stat().st_mode & 0o077 == 0


def test_a_killed_process_is_started_again(store, settings, inference):
    view = make_model(store)
    before = inference.classify(view.id, BEST, IMAGES, 3)
    first = pid_of(settings)
    os.kill(first, signal.SIGKILL)
    after = inference.classify(view.id, BEST, IMAGES, 3)
    assert [a["predictions"] for a in after] == [b["predictions"] for b in before]
    assert pid_of(settings) != first
    client.stop(settings)
    assert not servers(settings)


@pytest.mark.slow
def test_a_stale_record_of_a_dead_process_does_no_harm(store, settings, inference):
    folder_of(settings.jobs_dir).mkdir()
    record_of(settings.jobs_dir).write_text('{"socket": "/nowhere/s", "process": {"pid": 1}}')
    assert inference.classify(make_model(store).id, BEST, IMAGES, 1)


@pytest.mark.slow
def test_a_live_process_with_a_dead_socket_is_replaced(store, settings, inference):
    view = make_model(store)
    inference.classify(view.id, BEST, IMAGES, 1)
    first = current(settings.jobs_dir)
    Path(first["socket"]).unlink()
    assert inference.classify(view.id, BEST, IMAGES, 1)
    assert not process.is_alive(first["process"])


def test_only_the_last_models_stay_loaded(store, settings):
    mine = InferenceClient(settings.model_copy(update={"inference_models": 2}))
    views = [make_model(store, seed) for seed in range(3)]
    for view in views:
        mine.classify(view.id, BEST, IMAGES[:1], 1)
    assert mine.status()["models"] == [[view.id, BEST] for view in views[1:]]


def test_it_ends_when_nobody_asks(store, settings, until):
    mine = InferenceClient(settings.model_copy(update={"inference_idle_s": 0.4}))
    mine.classify(make_model(store).id, BEST, IMAGES, 1)
    record = current(settings.jobs_dir)
    until(lambda: not process.is_alive(record["process"]), 20)
    assert not record_of(settings.jobs_dir).exists()
    assert not Path(record["socket"]).parent.exists()


def test_it_ends_when_the_jobs_folder_goes_away(store, settings, until, inference, tmp_path):
    inference.classify(make_model(store).id, BEST, IMAGES, 1)
    record = current(settings.jobs_dir)
    settings.jobs_dir.rename(tmp_path / "elsewhere")
    until(lambda: not process.is_alive(record["process"]), 20)
    assert not settings.jobs_dir.exists()


def test_a_process_that_cannot_start_is_a_sentence_with_the_end_of_its_log(settings, store, monkeypatch):
    monkeypatch.setenv("DIGITS_GRACE_S", "no number")
    with pytest.raises(InferenceDown, match=r"does not start\. The end of its log"):
        InferenceClient(settings).status()


def test_the_web_processes_half_never_imports_torch():
    code = ("import digits_core.services.inference, digits_core.services.modelstore, digits_core.infer.client, "
            "digits_core.infer.batch, sys; print([m for m in ('torch', 'streamlit') if m in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          cwd=Path(__file__).parents[2])
    assert done.stdout.strip() == "[]"
