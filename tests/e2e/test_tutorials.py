"""Tutorials of DIGITS, walked by a browser. "Getting started" is the story itself (test_story.py)."""

import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from digits_core import files
from digits_core.data.download import download_data
from tests.e2e import fundus
from tests.e2e.test_story import SLOW, choose_name, classify, create_dataset, create_model, expect_state, fill
from tests.serving import Server

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900)]
EXAMPLES = Path(__file__).parents[2] / "examples"


def odd_and_even(digits: Path, folder: Path) -> None:
    """100 odd and 100 even digits to learn from, 200 others of each to measure."""
    for split, first, count in (("train", 0, 20), ("val", 20, 40)):
        for digit in range(10):
            target = folder / split / ("odd" if digit % 2 else "even")
            target.mkdir(parents=True, exist_ok=True)
            for picture in sorted((digits / str(digit)).glob("*.png"))[first:first + count]:
                shutil.copy(picture, target / f"{digit}-{picture.name}")


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=re.compile(label)).click()
    page.get_by_role("option", name=option).click()


def test_fine_tuning_a_digits_model_tells_odd_from_even(server: Server, page: Page, tmp_path: Path) -> None:
    download_data("digits", tmp_path / "digits")
    odd_and_even(tmp_path / "digits", tmp_path / "parity")
    page.goto(server.url)
    choose_name(page, "fred")
    create_dataset(page, server, tmp_path / "digits")
    first = create_model(page, server, epochs=8)
    expect_state(page, "done")

    page.goto(f"{server.url}/datasets?new=classification")
    fill(page, "Name", "odd or even")
    fill(page, "Training images", str(tmp_path / "parity" / "train"))
    page.get_by_text("Separate folders, limits").click()
    fill(page, "Separate validation images", str(tmp_path / "parity" / "val"))
    page.get_by_role("radio", name="Grey").click()
    fill(page, "Width", "28")
    fill(page, "Height", "28")
    page.get_by_role("button", name="Create dataset").click()
    expect(page.get_by_role("heading", name="odd or even")).to_be_visible()
    expect_state(page, "done")

    page.goto(f"{server.url}/models?new=classification&start={first}")
    choose(page, "Dataset", "odd or even")
    fill(page, "Name", "parity")
    fill(page, "Batch size", "20")
    page.get_by_role("button", name="Create model").click()
    expect(page.get_by_role("heading", name="parity")).to_be_visible()
    expect_state(page, "done")
    match = re.search(r"id=([0-9a-f-]+)", page.url)
    assert match
    tuned = server.jobs / match[1]
    started = files.read_json(tuned / "network.json")["start"]
    assert started["model"] == first and started["loaded"] == 6 and started["new"] == 2  # all but the last layer
    shown = page.get_by_test_id("stMetric").filter(has_text="Best accuracy").first
    expect(shown).to_be_visible(timeout=SLOW)
    accuracy = float(re.search(r"([0-9.]+) %", shown.inner_text())[1])
    assert accuracy > 90


def wait_for(page: Page, job_id: str, server: Server, word: str = "done") -> None:
    page.goto(f"{server.url}/job?id={job_id}")
    expect_state(page, word)


def make(page: Page, server: Server, file: str, name: str, values: str) -> str:
    """A training of the example ``file`` on the newest dataset; returns its id."""
    page.goto(f"{server.url}/models?new=classification")
    page.get_by_role("radio", name="Custom").click()
    page.get_by_text("Take a file").click()
    page.locator('input[type="file"]').first.set_input_files(EXAMPLES / file)
    page.get_by_role("button", name="Use this file").click()
    expect(page.frame_locator("iframe").first.get_by_text("def build_network").first).to_be_visible(timeout=SLOW)
    fill(page, "Name", name)
    fill(page, "Values for a custom network", values)
    fill(page, "Training epochs", "3")
    page.get_by_role("button", name="Create model").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible(timeout=SLOW)
    match = re.search(r"id=([0-9a-f-]+)", page.url)
    assert match
    return match[1]


def accuracy_of(server: Server, job_id: str) -> float:
    report = files.read_json(server.jobs / job_id / "evaluation" / "val.json")
    return float(report["accuracy"]) if report else 0.0


def test_the_first_weights_decide_what_a_network_learns(server: Server, page: Page, tmp_path: Path) -> None:
    download_data("digits", tmp_path / "digits")
    page.goto(server.url)
    choose_name(page, "fred")
    create_dataset(page, server, tmp_path / "digits")
    made = {init: make(page, server, "weight_initialisation.py", f"first {init}", f"init={init}")
            for init in ("constant", "uniform", "torch", "xavier", "kaiming")}
    for init, job_id in made.items():
        wait_for(page, job_id, server, "done|failed" if init in ("constant", "uniform") else "done")
    found = {init: accuracy_of(server, job_id) for init, job_id in made.items()}
    assert max(found["constant"], found["uniform"]) < 0.3 < 0.8 < min(found["xavier"], found["kaiming"]), found
    page.goto(f"{server.url}/compare?runs={','.join(made.values())}")
    expect(page.locator(".js-plotly-plot").first).to_be_visible(timeout=SLOW)


def test_a_layer_of_ones_own_hides_a_quarter_in_training_only(server: Server, page: Page, tmp_path: Path) -> None:
    download_data("digits", tmp_path / "digits")
    page.goto(server.url)
    choose_name(page, "fred")
    create_dataset(page, server, tmp_path / "digits")
    job_id = make(page, server, "occlusion_layer.py", "half blind", "share=0.25")
    wait_for(page, job_id, server)
    assert accuracy_of(server, job_id) > 0.6
    classify(page, server, job_id, tmp_path / "digits")


def test_a_network_finds_sick_eyes_better_than_guessing(server: Server, page: Page, tmp_path: Path) -> None:
    """Diabetic retinopathy: two unequal classes from text lists, pictures augmented beforehand, GoogLeNet."""
    fundus.write(tmp_path / "eyes", 69, 115)
    page.goto(server.url)
    choose_name(page, "fred")
    page.goto(f"{server.url}/datasets?new=classification")
    fill(page, "Name", "eyes")
    page.get_by_role("radio", name="Text files").click()
    for label, name in (("Training list", "train.txt"), ("Validation list", "val.txt"), ("Labels file", "labels.txt")):
        fill(page, label, str(tmp_path / "eyes" / name))
    fill(page, "Width", str(fundus.SIDE))
    fill(page, "Height", str(fundus.SIDE))
    page.get_by_role("button", name="Create dataset").click()
    expect(page.get_by_role("heading", name="eyes")).to_be_visible(timeout=SLOW)
    expect_state(page, "done")

    page.goto(f"{server.url}/models?new=classification")
    fill(page, "Name", "sick or not")
    page.locator('[class*="st-key-"][class*="googlenet"]').get_by_role("button", name="Choose").click()
    choose(page, "Solver", "AdamW")
    fill(page, "Base learning rate", "0.001")
    fill(page, "Training epochs", "3")
    fill(page, "Batch size", "16")
    page.get_by_role("button", name="Create model").click()
    expect(page.get_by_role("heading", name="sick or not")).to_be_visible(timeout=SLOW)
    expect(page.locator(".stMarkdownBadge").filter(has_text="done").first).to_be_visible(timeout=2 * SLOW)
    said = page.get_by_text("for always guessing the most frequent class").first
    expect(said).to_be_visible(timeout=SLOW)
    found = re.search(r"([0-9.]+) % against ([0-9.]+) % for always guessing the most frequent class \(healthy\): "
                      r"\+([0-9.]+) points \(([+-][0-9.]+) to", said.inner_text())
    assert found
    accuracy, guessing, gain, least = map(float, found.groups())
    assert guessing == pytest.approx(100 * 85 / 115, abs=0.01)
    assert gain == pytest.approx(accuracy - guessing, abs=0.02)
    assert least > 0, "not better than guessing"
    expect(page.get_by_test_id("stMetric").filter(has_text="Area under ROC")).to_be_visible()
