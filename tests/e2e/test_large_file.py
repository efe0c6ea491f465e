"""A large file sent by the browser, while its server is killed and its page is reloaded."""

import hashlib
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from digits_core.services import resumable
from digits_core.services.workspace import Workspace
from digits_core.settings import Settings
from tests.e2e.test_story import choose_name
from tests.serving import Server

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(600)]
SIZE = 60_000_000


def drawn(path: Path) -> str:
    """Write bytes that repeat nowhere; their SHA-256."""
    content = b"".join(hashlib.sha256(number.to_bytes(4)).digest() for number in range(SIZE // 32))
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def test_a_large_file_comes_whole_though_the_server_is_killed_and_the_page_is_reloaded(
        server: Server, page: Page, tmp_path: Path) -> None:
    wanted, file, pieces = drawn(tmp_path / "pets.zip"), tmp_path / "pets.zip", 0
    page.goto(server.url)
    choose_name(page, "fred")

    def form() -> None:
        page.goto(f"{server.url}/datasets?new=classification")
        page.get_by_role("radio", name="Upload (zip, tar)").click()
        page.get_by_text("Large file", exact=True).click()
        expect(page.get_by_role("button", name="Choose a large file")).to_be_visible()

    def disturbed(route: Route) -> None:
        nonlocal pieces
        if route.request.method == "PATCH":
            pieces += 1
            if pieces == 3:
                server.kill()
            if pieces > 5:
                return route.abort()
        return route.continue_()

    page.route(re.compile("/api/uploads/"), disturbed)
    form()
    page.get_by_label("Large file", exact=True).set_input_files(file)
    expect(page.get_by_text("the server does not answer")).to_be_visible()
    workspace = Workspace.open(Settings(jobs_dir=server.jobs))
    [begun] = resumable.of_user(workspace, "fred")
    assert 0 < begun.offset < SIZE
    server.start()
    page.wait_for_function("() => globalThis.digitsUpload.now.offset > 25e6", timeout=60_000)
    page.unroute_all()
    form()
    expect(page.get_by_text("Choose the same file again, and it goes on.")).to_be_visible()
    page.get_by_label("Large file", exact=True).set_input_files(file)
    expect(page.get_by_text("all has come")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("combobox", name="Finished upload")).to_have_value("pets.zip · 60 MB")
    [come] = resumable.of_user(workspace, "fred")
    assert come.id == begun.id and come.is_finished
    with come.data.open("rb") as content:
        assert hashlib.file_digest(content, "sha256").hexdigest() == wanted
