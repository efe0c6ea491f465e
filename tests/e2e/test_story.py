"""The story of the product, walked by a browser on the demo's pictures."""

import io
import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from digits_core import files
from digits_core.data.download import download_data
from tests.serving import Server

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
SLOW = 180_000
"""Milliseconds: the machine that runs this may be busy with the rest of the tests."""


def choose_name(page: Page, name: str) -> None:
    page.get_by_role("button", name="Choose a name").click()
    page.locator(".st-key-who-text input").fill(name)
    with page.expect_response(lambda answer: "/name?set=" in answer.url):  # the browser keeps the name
        page.keyboard.press("Enter")
    expect(page.get_by_role("button", name=name)).to_be_visible()


def expect_state(page: Page, word: str) -> None:
    expect(page.locator(".stMarkdownBadge").filter(has_text=re.compile(word)).first).to_be_visible(timeout=SLOW)


def fill(page: Page, label: str, value: str) -> None:
    """Type like a person: when the page has come to rest, for what it draws anew takes half a word away."""
    app = page.get_by_test_id("stApp")
    expect(app).to_have_attribute("data-test-script-state", "notRunning", timeout=SLOW)
    field = page.get_by_label(label, exact=True).first
    field.fill(value)
    field.press("Enter")
    expect(app).to_have_attribute("data-test-script-state", "notRunning", timeout=SLOW)


def create_dataset(page: Page, server: Server, folder: Path) -> None:
    page.goto(f"{server.url}/datasets?new=classification")
    fill(page, "Name", "my digits")
    fill(page, "Training images", str(folder))
    page.get_by_role("radio", name="Grey").click()
    fill(page, "Width", "28")
    fill(page, "Height", "28")
    expect(page.get_by_text("1,797").first).to_be_visible()
    page.get_by_role("button", name="Create dataset").click()
    expect(page.get_by_role("heading", name="my digits")).to_be_visible()
    expect_state(page, "done")


def create_model(page: Page, server: Server, epochs: int) -> str:
    page.goto(f"{server.url}/models?new=classification")
    fill(page, "Name", "my net")
    fill(page, "Training epochs", str(epochs))
    page.get_by_role("button", name="Create model").click()
    expect(page.get_by_role("heading", name="my net")).to_be_visible()
    match = re.search(r"id=([0-9a-f-]+)", page.url)
    assert match
    return match[1]


def wait_until_epoch_shown(page: Page, more_than: float) -> float:
    """The epoch on the page once it is beyond ``more_than``; a training that has ended meanwhile is beyond all."""
    shown = page.wait_for_function(
        """least => [...document.querySelectorAll('[data-testid="stMetric"]')].map(m => m.innerText).map(text =>
            text.startsWith('Best epoch') ? Infinity : parseFloat((text.match(/([0-9.]+) \\/ /) || [])[1])
        ).find(epoch => epoch > least || epoch === Infinity)""",
        arg=more_than, timeout=SLOW)
    return float(shown.json_value())


def test_from_pictures_to_a_downloaded_model_with_the_server_killed_in_the_middle(
        server: Server, page: Page, tmp_path: Path) -> None:
    download_data("digits", tmp_path / "digits")
    page.goto(server.url)
    choose_name(page, "fred")
    create_dataset(page, server, tmp_path / "digits")
    job_id = create_model(page, server, epochs=12)

    first = wait_until_epoch_shown(page, more_than=0.0)
    wait_until_epoch_shown(page, more_than=first)  # nobody touched the page: the curve grew by itself
    expect(page.locator(".js-plotly-plot").first).to_be_visible()

    server.kill()
    server.start()
    page.goto(f"{server.url}/job?id={job_id}")
    expect_state(page, "done")  # the training never noticed: one attempt, every epoch; it may be over by now
    rows, _ = files.read_jsonl(server.jobs / job_id / "metrics.jsonl")
    assert [row["epoch"] for row in rows if "val/accuracy" in row] == [float(n) for n in range(1, 13)]
    assert len(list((server.jobs / job_id / "attempts").iterdir())) == 1

    classify(page, server, job_id, tmp_path / "digits")
    download(page, server, job_id)


def classify(page: Page, server: Server, job_id: str, digits: Path) -> None:
    seven = sorted((digits / "7").glob("*.png"))[0]
    page.goto(f"{server.url}/inference?model={job_id}")
    page.locator('input[type="file"]').set_input_files(seven)
    expect(page.get_by_text(re.compile("ms$|ms ", re.M)).first).to_be_visible(timeout=SLOW)
    expect(page.locator(".js-plotly-plot, [data-testid='stProgress']").first).to_be_visible()


def download(page: Page, server: Server, job_id: str) -> None:
    """Everything in one archive, which a job made and held against PyTorch."""
    page.goto(f"{server.url}/job?id={job_id}")
    page.get_by_role("button", name="Download", exact=True).click(timeout=SLOW)
    page.get_by_role("button", name="Make and check").click(timeout=SLOW)
    address = page.get_by_role("link", name="Download model").get_attribute("href", timeout=SLOW)
    assert address
    answer = page.request.get(f"{server.url}{address}" if address.startswith("/") else address)
    assert answer.ok, answer.text()
    names = zipfile.ZipFile(io.BytesIO(answer.body())).namelist()
    assert {"weights.safetensors", "labels.txt", "network.json", "preprocessing.json", "model.onnx", "predict.py",
            "SHA256SUMS"} <= set(names)


@pytest.mark.slow
def test_a_finished_page_is_silent(server: Server, page: Page, tmp_path: Path) -> None:
    """A page of a finished job sends nothing over its connection any more."""
    download_data("digits", tmp_path / "digits")
    page.goto(server.url)
    choose_name(page, "fred")
    create_dataset(page, server, tmp_path / "digits")
    frames: list[object] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(frame)))
    page.reload()
    expect_state(page, "done")
    page.wait_for_load_state("networkidle")
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
    settled = len(frames)
    page.evaluate("() => new Promise(done => setTimeout(done, 6000))")
    assert len(frames) == settled
