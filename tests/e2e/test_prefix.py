"""The whole page below a path, in a browser: nothing is asked for, set or linked outside it."""

from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.e2e.test_story import choose_name
from tests.serving import serving

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]
PREFIX = "/lab/digits"
ARCHIVE: FilePayload = {"name": "a.zip", "mimeType": "application/zip", "buffer": b"PK"}


def test_the_page_lives_below_a_path(page: Page, tmp_path: Path) -> None:
    asked: list[str] = []
    with serving(tmp_path / "jobs", DIGITS_URL_PREFIX=PREFIX) as server:
        page.on("request", lambda request: asked.append(request.url))
        page.on("websocket", lambda socket: asked.append(socket.url.replace("ws://", "http://")))
        page.goto(server.url)  # without the slash at the end
        choose_name(page, "fred")
        for name in ("Datasets", "Models", "Inference", "Compare", "Model Store", "System", "Home"):
            page.get_by_role("link", name=name, exact=True).first.click()
            expect(page.get_by_role("heading", name=name).first).to_be_visible()
            targets = page.eval_on_selector_all("a[href]", "all => all.map(one => one.href)")
            assert all(target.startswith(f"{server.url}/") for target in targets), targets
        page.goto(f"{server.url}/datasets?new=classification")
        expect(page.get_by_role("button", name="fred")).to_be_visible()  # the cookie came along
        page.get_by_role("radio", name="Upload (zip, tar)").click()
        page.get_by_text("Large file", exact=True).click()
        expect(page.get_by_role("button", name="Choose a large file")).to_be_visible()
        page.get_by_label("Large file", exact=True).set_input_files(ARCHIVE)
        expect(page.get_by_role("combobox", name="Finished upload")).to_be_visible()
        page.get_by_test_id("stFileUploader").locator("input").first.set_input_files(ARCHIVE)
        expect(page.get_by_test_id("stFileUploader").get_by_text("a.zip").first).to_be_visible()
        cookie = next(one for one in page.context.cookies() if one["name"] == "digits_name")
        page.goto(f"{server.url}/api/docs")
        expect(page.get_by_text(f"GET {PREFIX}/api/jobs").first).to_be_visible()
    assert cookie["path"] == PREFIX
    assert {f"{server.url}/_stcore/stream", f"{server.url}/api/uploads"} <= set(asked)
    assert [url for url in asked if url.startswith("http") and not f"{url}/".startswith(f"{server.url}/")] == []
