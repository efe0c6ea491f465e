"""LeNet three ways on the same pictures, in one run.

    python -m benchmarks.training [--data FOLDER_WITH_MNIST_IDX_FILES] [--epochs 3] [--repeat 1]

ours     a dataset job and a training job, through the scheduler, with real workers; defaults, full run with
         validation, checkpoints and metrics. Pictures per second from the first to the last row of metrics, and over
         the whole job from its launch to its end.
plain    what one writes by hand: torchvision ImageFolder + DataLoader (as many workers as processors) + a loop
ceiling  the very training step of ours on batches that already lie on the device

Without --data scikit-learn's digits are used, ten times over.
"""

import argparse
import json
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
from digits_core.jobs.runner import LocalRunner
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
from digits_core.train.options import TrainOptions

BATCH = 64
SHAPE = (1, 28, 28)


def main() -> None:
    """Print one JSON object: the rates of each repetition's best, and the two ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--steps", type=int, default=400, help="steps of the ceiling, and at most of the plain loop")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temp:
        folder = pictures(Path(temp), arguments.data)
        hardware = choose_hardware(int(torch.cuda.is_available()), "auto")
        turns = [(*ours(folder, Path(temp) / f"jobs{turn}", arguments.epochs), plain(folder, arguments.steps, hardware),
                  ceiling(arguments.steps, hardware)) for turn in range(arguments.repeat)]
    running, whole, peer, top = (max(column) for column in zip(*turns, strict=True))
    print(json.dumps({"device": hardware.describe(), "ours_per_s": round(running), "ours_whole_job_per_s": round(whole),
                      "plain_per_s": round(peer), "ceiling_per_s": round(top),
                      "ours_to_plain": round(running / peer, 2), "whole_job_to_plain": round(whole / peer, 2),
                      "ours_to_ceiling": round(running / top, 2)}))


def pictures(temp: Path, data: Path | None) -> Path:
    """A folder of class folders."""
    if data is None:
        return sample(temp)
    download_data("mnist", temp / "mnist", data)
    return temp / "mnist" / "train"


def ours(folder: Path, jobs: Path, epochs: int) -> tuple[float, float]:
    """Pictures per second while it trains, and over the whole job."""
    settings = Settings(jobs_dir=jobs, poll_s=0.05)
    workspace = Workspace.open(settings)
    scheduler = Scheduler(workspace.store, settings, LocalRunner())
    dataset = create_dataset(workspace, "bench", "classification", "bench", {
        "folder": str(folder), "width": 28, "height": 28, "channels": "gray", "val_percent": 5})
    wait(workspace, dataset.id, scheduler.tick, 0.05)
    model = create_model(workspace, "bench", "bench", dataset.id, {"network": "lenet", "epochs": epochs})
    model = wait(workspace, model.id, scheduler.tick, 0.05)
    scheduler.close()
    assert model.status == "done" and model.started and model.ended, model.state
    entries = int(dataset.folder.manifest()["splits"]["train"]["entries"])
    return while_training(model, entries), entries * epochs / (model.ended - model.started)


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
    learner = Classifier(build_network("lenet", SHAPE, 10), 10, TrainOptions(), hardware)
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
