"""How long the heaviest pages take beside an almost empty one, in Chromium, on a server that has just started.

    python -m benchmarks.pages [--runs 500] [--rows 600] [--classes 5000] [--shots FOLDER]

Compare with so many trainings, each with so many rows; and the report of a model with so many classes. A page is there
when its charts are drawn and its table stands; a change (another x axis, another part of the report) when it shows.
Printed: seconds, how many of them the server and the browser computed, and the ratio to the page System.
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
import psutil
from playwright.sync_api import Page, sync_playwright

from digits_core.evaluate.predictions import Predictions, predictions_file
from digits_core.evaluate.report import report
from digits_core.jobs.store import JobStore
from tests.e2e.conftest import CHROMIUM_FLAGS, Server, free_port
from tests.faults import folders

READY = """() => [...document.querySelectorAll('.js-plotly-plot')].filter(
        (chart) => chart.querySelector('.scatterlayer path, .heatmaplayer image')).length >= 2
    && document.querySelectorAll('[data-testid=stDataFrame] canvas').length > 0"""
HEADED = "() => document.querySelectorAll('h1, h2').length > 0"
CHANGES = {
    "Step": "() => [...document.querySelectorAll('.xtitle')].filter((x) => x.textContent == 'Step').length >= 2",
    "Classes": "() => !document.querySelector('.heatmaplayer') && document.querySelector('.stDataFrame canvas')"}


def main() -> None:
    """Both pages, each on a fresh server, as one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--rows", type=int, default=600)
    parser.add_argument("--classes", type=int, default=5000)
    parser.add_argument("--only", choices=["compare", "report"])
    parser.add_argument("--shots", type=Path, help="folder for a picture of each page")
    chosen = parser.parse_args()
    found = {}
    if chosen.only != "report":
        found["compare"] = timed(lambda store: made_up_runs(store, chosen.runs, chosen.rows), "Step", chosen.shots)
    if chosen.only != "compare":
        found["report"] = timed(lambda store: made_up_report(store, chosen.classes), "Classes", chosen.shots)
    print(json.dumps(found, indent=1))


def timed(fill: Callable[[JobStore], str], change: str, shots: Path | None) -> dict[str, dict[str, float]]:
    """The page that ``fill`` names: the first time on a fresh server, once more, and after a click on ``change``."""
    with tempfile.TemporaryDirectory() as temp, sync_playwright() as playwright:
        store = JobStore(Path(temp) / "jobs", 300)
        store.prepare()
        path = fill(store)
        server = Server(store.root, free_port())
        server.start()
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM_FLAGS)
        try:
            pages = [browser.new_context(viewport={"width": 1400, "height": 1100}).new_page() for _ in range(4)]

            def opened(page: Page, path: str, ready: str) -> dict[str, float]:
                return measured(server, page, lambda: page.goto(server.url + path), ready)

            opened(pages[0], "/system", HEADED)
            found = {"empty": opened(pages[1], "/system", HEADED), "first": opened(pages[2], path, READY),
                     "again": opened(pages[3], path, READY)}
            click = pages[3].get_by_role("radio", name=change).click
            found["change"] = measured(server, pages[3], click, CHANGES[change])
            if shots:
                pages[2].screenshot(path=shots / f"{path[1:].partition('?')[0]}.png")
        finally:
            browser.close()
            server.stop()
    for row in found.values():
        row["to_empty"] = round(row["seconds"] / found["empty"]["seconds"], 1)
    return found


def measured(server: Server, page: Page, deed: Callable[[], object], ready: str) -> dict[str, float]:
    """From the deed to the moment the page is ready: on the clock, and worked by the server and the browser."""
    start, ours, theirs = time.monotonic(), worked(server.process.pid), worked()
    deed()
    page.wait_for_function(ready, timeout=120_000, polling=50)
    return {"seconds": round(time.monotonic() - start, 2), "server": round(worked(server.process.pid) - ours, 2),
            "browser": round(worked() - theirs, 2)}


def worked(pid: int | None = None) -> float:
    """Seconds that a process, or (none given) all of Chromium's, have computed."""
    processes = [psutil.Process(pid)] if pid else [
        child for child in psutil.Process().children(recursive=True) if "chrom" in child.name()]
    return sum(sum(process.cpu_times()[:2]) for process in processes)


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
