"""LeNet three ways on the same pictures, in short turns one after the other, so that a busy moment hits all alike.

    python -m benchmarks.training [--data FOLDER_WITH_MNIST_IDX_FILES] [--turns 9] [--steps 400]

ours     a training job through the scheduler, with a real worker; defaults, validation, checkpoints and metrics.
         Pictures per second from the first to the last row of metrics.
plain    what one writes by hand: torchvision ImageFolder + DataLoader (as many workers as processors) + a loop
ceiling  the very training step of ours on batches that already lie on the device, in the environment of our workers

Every turn runs in processes of its own; the ratios are the medians over the turns. Without --data scikit-learn's
digits are used, ten times over.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

from benchmarks.datasets import sample
from digits_core import files
from digits_core.data.download import download_data
from digits_core.jobs.devices import cpu_count
from digits_core.jobs.runner import TUNED, LocalRunner
from digits_core.jobs.scheduler import Scheduler
from digits_core.jobs.store import JobView
from digits_core.networks.build import build_network
from digits_core.services.datasets import create_dataset
from digits_core.services.jobs import wait
from digits_core.services.models import create_model
from digits_core.services.workspace import Workspace
from digits_core.settings import Settings
from digits_core.train.hardware import Hardware, choose_hardware
from digits_core.train.learner import Batch, Classifier
from digits_core.train.options import ClassifierOptions

BATCH = 64
SHAPE = (1, 28, 28)


def main() -> None:
    """Print one JSON object: the median rates and the medians of the two ratios, with the range of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--steps", type=int, default=400, help="steps of a turn of each")
    parser.add_argument("--only", choices=("plain", "ceiling"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    hardware = choose_hardware(int(torch.cuda.is_available()), "auto")
    if arguments.only:
        rate = plain(arguments.folder, arguments.steps, hardware) if arguments.only == "plain" else \
            ceiling(arguments.steps, hardware)
        return print(rate)
    with tempfile.TemporaryDirectory() as temp:
        turns = take_turns(Path(temp), pictures(Path(temp), arguments.data), arguments.turns, arguments.steps)
    rates = {name: round(statistics.median(turn[name] for turn in turns)) for name in turns[0]}
    return print(json.dumps({"device": hardware.describe(), "per_s": rates, "ours_to_plain": ratios(turns, "plain"),
                             "ours_to_ceiling": ratios(turns, "ceiling")}))


def ratios(turns: list[dict[str, float]], peer: str) -> dict[str, float]:
    """Ours to a peer: median, smallest and largest of the turns."""
    values = [turn["ours"] / turn[peer] for turn in turns]
    return {"median": round(statistics.median(values), 2), "min": round(min(values), 2), "max": round(max(values), 2)}


def take_turns(temp: Path, folder: Path, turns: int, steps: int) -> list[dict[str, float]]:
    """Pictures per second of each, turn by turn."""
    ours = Ours(folder, temp / "jobs", steps)
    rates = []
    for _ in range(turns):
        rates.append({"ours": ours.turn(), "plain": alone("plain", folder, steps, {}),
                      "ceiling": alone("ceiling", folder, steps, TUNED)})
        print(rates[-1], file=sys.stderr)
    ours.scheduler.close()
    return rates


def alone(name: str, folder: Path, steps: int, environment: dict[str, str]) -> float:
    """Pictures per second of a peer in its own process."""
    command = [sys.executable, "-m", "benchmarks.training", "--only", name, "--folder", folder, "--steps", str(steps)]
    return float(subprocess.run(command, env={**os.environ, **environment}, check=True, capture_output=True).stdout)


def pictures(temp: Path, data: Path | None) -> Path:
    """A folder of class folders."""
    if data is None:
        return sample(temp)
    download_data("mnist", temp / "mnist", data)
    return temp / "mnist" / "train"


class Ours:
    """A dataset job, and a training job for each turn."""

    def __init__(self, folder: Path, jobs: Path, steps: int) -> None:
        settings = Settings(jobs_dir=jobs, poll_s=0.5)
        self.workspace = Workspace.open(settings)
        self.scheduler = Scheduler(self.workspace.store, settings, LocalRunner())
        dataset = create_dataset(self.workspace, "bench", "classification", "bench", {
            "folder": str(folder), "width": 28, "height": 28, "channels": "gray", "val_percent": 5})
        self.dataset = wait(self.workspace, dataset.id, self.scheduler.tick, 0.5)
        self.entries = int(self.dataset.folder.manifest()["splits"]["train"]["entries"])
        self.epochs = max(1, round(steps * BATCH / self.entries))

    def turn(self) -> float:
        """Pictures per second while one job trains."""
        model = create_model(self.workspace, "bench", "bench", self.dataset.id,
                             {"network": "lenet", "epochs": self.epochs})
        model = wait(self.workspace, model.id, self.scheduler.tick, 0.5)
        assert model.status == "done", model.state
        return while_training(model, self.entries)


def while_training(model: JobView, entries: int) -> float:
    """Pictures per second between the first and the last row of metrics."""
    rows = [row for row in files.read_jsonl(model.folder.metrics)[0] if "train/loss" in row]
    return entries * (rows[-1]["epoch"] - rows[0]["epoch"]) / (rows[-1]["t"] - rows[0]["t"])


def plain(folder: Path, steps: int, hardware: Hardware) -> float:
    """Pictures per second as everybody writes it; the first batches, which start processes, are free."""
    shape = transforms.Compose([transforms.Grayscale(), transforms.Resize(SHAPE[1:]), transforms.ToTensor(),
                                transforms.Normalize(0.13, 0.31)])
    loader = DataLoader(ImageFolder(folder, shape), BATCH, shuffle=True, num_workers=cpu_count())
    network = nn.Sequential(nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2), nn.Flatten(),
                            nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10)).to(hardware.device)
    solver = torch.optim.SGD(network.parameters(), lr=0.01, weight_decay=1e-4)
    start, count = time.perf_counter(), 0
    for number, (image, label) in enumerate(loader):
        if number == 10:
            start, count = time.perf_counter(), 0
        loss = nn.functional.cross_entropy(network(image.to(hardware.device)), label.to(hardware.device))
        solver.zero_grad()
        loss.backward()
        solver.step()
        count += len(label)
        if number == steps:
            break
    return count / (time.perf_counter() - start)


def ceiling(steps: int, hardware: Hardware) -> float:
    """Pictures per second of our step with nothing around it."""
    learner = Classifier(build_network("lenet", SHAPE, 10), 10, ClassifierOptions(), hardware)
    batches = [Batch(torch.randn(BATCH, *SHAPE, device=hardware.device),
                     torch.randint(0, 10, (BATCH,), device=hardware.device), seed=seed) for seed in range(50)]
    for batch in batches[:20]:
        learner.step(batch, 0.01)["loss"].item()
    start = time.perf_counter()
    losses = [learner.step(batches[step % len(batches)], 0.01)["loss"] for step in range(steps)]
    torch.stack(losses).sum().item()
    return steps * BATCH / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
