"""Page, REST and command line give the same prediction, to the last digit, for pictures of every pixel format."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from digits_core.services.workspace import Workspace
from digits_core.settings import Settings
from digits_core.train.run import run as train
from digits_core.ui import inference_panels, look_panel
from tests.infer import formats
from tests.pages.conftest import MAIN
from tests.serving import ROOT, Server
from tests.train import drawn

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]
Answers = list[list[dict[str, Any]]]


def over_rest(server: Server, model: str, paths: list[Path]) -> Answers:
    files = [("images", (path.name, path.read_bytes())) for path in paths]
    answer = httpx.post(f"{server.url}/api/classify/upload", data={"model": model}, files=files, timeout=300)
    assert answer.status_code == 200, answer.text
    return [row["predictions"] for row in answer.json()["results"]]


def on_the_command_line(server: Server, model: str, paths: list[Path]) -> Answers:
    command = [sys.executable, "-m", "digits_core", "classify", *map(str, paths), "--model", model, "--json"]
    done = subprocess.run(command, cwd=ROOT, env=server.environ, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return [row["predictions"] for row in json.loads(done.stdout.splitlines()[-1])]


def on_the_page(monkeypatch: pytest.MonkeyPatch, model: str, paths: list[Path]) -> Answers:
    """What the page draws for one picture after another."""
    seen: Answers = []
    monkeypatch.setattr(inference_panels, "one", lambda *given: seen.append(given[3]["predictions"]))
    monkeypatch.setattr(look_panel, "draw", lambda *_: None)
    st.cache_resource.clear()
    app = AppTest.from_file(MAIN, default_timeout=60)
    app.session_state["inference.source"] = "Server path or URL"
    app.switch_page("inference.py")
    app.query_params["model"] = model
    for path in paths:
        app.session_state["inference.path"] = str(path)
        app.run()
        assert not app.exception, [element.message for element in app.exception]
    st.cache_resource.clear()
    return seen


def test_a_hundred_pictures_get_the_same_answer_everywhere(
        server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Workspace.open(Settings(jobs_dir=server.jobs)).store
    model = drawn.model(store, drawn.dataset(store, shape=(3, 16, 16)), epochs=1)
    train(drawn.Recorder(store, model.id))
    (tmp_path / "pictures").mkdir()
    paths = formats.hundred(tmp_path / "pictures")
    rest = over_rest(server, model.id, paths)
    assert len(rest) == 100 and len({json.dumps(answer) for answer in rest}) > 90  # they are different pictures
    assert on_the_command_line(server, model.id, paths) == rest
    monkeypatch.setenv("DIGITS_JOBS_DIR", str(server.jobs))
    assert on_the_page(monkeypatch, model.id, paths) == rest
