"""How long the heaviest pages take beside an almost empty one, in Chromium, on a server that has just started.

    python -m benchmarks.pages [--runs 500] [--rows 600] [--classes 5000]

Compare with so many trainings, each with so many rows; and the report of a model with so many classes. A page is there
when its charts are drawn and its table stands. Printed: seconds, and the ratio to the page System in the same browser.
"""

import argparse
import json
import math
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from digits_core.evaluate.predictions import Predictions, predictions_file
from digits_core.evaluate.report import report
from digits_core.jobs.store import JobStore
from tests.e2e.conftest import CHROMIUM_FLAGS, Server, free_port
from tests.faults import folders

READY = """(charts) => document.querySelectorAll('.js-plotly-plot .plot').length >= charts
    && document.querySelectorAll('[data-testid=stDataFrame] canvas').length > 0"""


def main() -> None:
    """Both pages, each on a fresh server, as one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--rows", type=int, default=600)
    parser.add_argument("--classes", type=int, default=5000)
    parser.add_argument("--only", choices=["compare", "report"])
    chosen = parser.parse_args()
    found = {}
    if chosen.only != "report":
        found["compare"] = timed(lambda store: made_up_runs(store, chosen.runs, chosen.rows), 3)
    if chosen.only != "compare":
        found["report"] = timed(lambda store: made_up_report(store, chosen.classes), 2)
    print(json.dumps(found))


def timed(fill: Callable[[JobStore], str], charts: int) -> dict[str, float]:
    """Seconds until the page that ``fill`` names is there: the first time on a fresh server, and once more."""
    with tempfile.TemporaryDirectory() as temp, sync_playwright() as playwright:
        store = JobStore(Path(temp) / "jobs", 300)
        store.prepare()
        path = fill(store)
        server = Server(store.root, free_port())
        server.start()
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM_FLAGS)
        try:
            pages = [browser.new_context(viewport={"width": 1400, "height": 1100}).new_page() for _ in range(4)]
            seconds(pages[0], f"{server.url}/system", "() => document.querySelectorAll('h1, h2').length > 0")
            empty = seconds(pages[1], f"{server.url}/system", "() => document.querySelectorAll('h1, h2').length > 0")
            first, again = (seconds(page, server.url + path, READY, charts) for page in pages[2:])
        finally:
            browser.close()
            server.stop()
    return {"empty_s": round(empty, 2), "first_s": round(first, 2), "again_s": round(again, 2),
            "first_to_empty": round(first / empty, 2), "again_to_empty": round(again / empty, 2)}


def seconds(page: Page, url: str, ready: str, argument: object = None) -> float:
    """From the address to the moment the page is ready."""
    start = time.monotonic()
    page.goto(url)
    page.wait_for_function(ready, arg=argument, timeout=120_000, polling=50)
    return time.monotonic() - start


def made_up_runs(store: JobStore, runs: int, rows: int) -> str:
    """Finished trainings of a grid of settings, with losses that fall; the address that compares them."""
    chance = random.Random(1)
    data = folders.finished(store, "dataset", name="pets")
    for number in range(runs):
        options = {"learning_rate": chance.choice([0.3, 0.1, 0.03, 0.01]), "batch_size": chance.choice([16, 32, 64]),
                   "solver": chance.choice(["sgd", "adam"]), "seed": number}
        view = folders.finished(store, "model", name=f"run {number}", needs=(data.id,), options=options)
        speed = 0.7 + 0.3 * chance.random()
        with view.folder.metrics.open("w") as file:
            for step in range(1, rows + 1):
                row = {"t": step * 0.8, "step": step, "epoch": step / 20, "lr": 0.01,
                       "train/loss": 2.3 * math.exp(-step * speed / 80) + 0.1 * chance.random()}
                file.write(json.dumps(row) + "\n")
                if step % 20 == 0:
                    row = {"t": step * 0.8, "step": step, "epoch": step / 20, "val/loss": row["train/loss"] + 0.1,
                           "val/accuracy": speed * (1 - math.exp(-step / 80))}
                    file.write(json.dumps(row) + "\n")
    return "/compare"


def made_up_report(store: JobStore, classes: int) -> str:
    """A model with so many classes, evaluated on ten pictures each, a fifth of them wrong; its report's address."""
    chance = np.random.default_rng(1)
    view = folders.finished(store, "model", name="many classes")
    folder, labels = view.folder.path, [f"class {number:05d}" for number in range(classes)]
    truth = np.repeat(np.arange(classes), 10).astype(np.int32)
    columns = np.concatenate([truth[:, None], chance.integers(0, classes, (len(truth), 19))], 1).astype(np.int32)
    wrong = chance.random(len(truth)) < 0.2
    columns[wrong, 0], columns[wrong, 1] = columns[wrong, 1], columns[wrong, 0]
    scores = np.sort(chance.dirichlet(np.ones(20), len(truth)).astype(np.float32), 1)[:, ::-1]
    place = np.where(wrong, 1, 0).astype(np.int32)
    made = Predictions(labels, [f"{n}.png" for n in range(len(truth))], np.arange(len(truth)), truth, columns[:, 0],
                       np.ascontiguousarray(scores), columns, scores[np.arange(len(truth)), place], place,
                       {"split": "val", "model": view.id})
    (folder / "evaluation").mkdir(exist_ok=True)
    made.write(predictions_file(folder, "val"))
    (folder / "labels.txt").write_text("".join(f"{label}\n" for label in labels))
    (folder / "evaluation" / "val.json").write_text(json.dumps(report(made)))
    return f"/job?id={view.id}&tab=Evaluation"


if __name__ == "__main__":
    main()
