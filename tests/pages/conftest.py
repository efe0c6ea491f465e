"""Pages without a browser: ``visit`` runs one as a person with a name would open it."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from digits_core import files
from digits_core.services.workspace import Workspace

MAIN = Path(__file__).parents[2] / "pages" / "main.py"
PAGES = ["home.py", "datasets.py", "models.py", "search.py", "inference.py", "compare.py", "model_store.py",
         "system.py"]
INSTALLED = functools.cache(manifest_scanner.scan_component_manifests)
"""A server reads the metadata of every installed package once; AppTest would once for each page, most of its time."""


@pytest.fixture
def visit(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., AppTest]]:
    """``visit("models.py", user="fred", new="classification")``: the page with those query parameters, run once."""
    monkeypatch.setenv("DIGITS_JOBS_DIR", str(workspace.settings.jobs_dir))
    monkeypatch.setattr(manifest_scanner, "scan_component_manifests", INSTALLED)
    st.cache_resource.clear()
    st.cache_data.clear()

    def open_page(page: str = "home.py", user: str = "tester", **query: str) -> AppTest:
        app = AppTest.from_file(MAIN, default_timeout=120)
        app.session_state["who.name"] = user
        if page != "home.py":
            app.switch_page(page)
        for name, value in query.items():
            app.query_params[name] = value
        app.run()
        assert not app.exception, [element.message for element in app.exception]
        return app

    yield open_page
    st.cache_resource.clear()
    st.cache_data.clear()


def words(app: AppTest) -> str:
    """Everything a person can read on the page, for ``in``."""
    kinds = (app.title, app.header, app.subheader, app.markdown, app.caption, app.text, app.error, app.warning,
             app.info, app.code)
    text = [str(element.value) for kind in kinds for element in kind]
    text += [f"{metric.label} {metric.value}" for metric in app.metric]
    text += [button.label for button in app.button]
    return "\n".join(text).replace("\\", "")


@pytest.fixture
def digits_trace() -> Callable[..., None]:
    """``digits_trace(view)`` gives a training the list of a timeline."""
    return lambda view: files.write_atomic(_made(view.folder.path / "trace") / "operators.json", {
        "steps": 2, "first_step": 6, "operators": [{"name": "aten::conv2d", "calls": 4, "cpu_ms": 1.5, "gpu_ms": 0}]})


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
