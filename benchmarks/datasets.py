"""Pictures per second of a dataset build beside a plain torchvision ImageFolder + DataLoader that only decodes.

    python -m benchmarks.datasets --data FOLDER_OF_CLASS_FOLDERS [--repeat 3]

The peer decodes and resizes every picture in as many loader processes as there are processors and throws the result
away; ours also encodes, stores, counts and measures. Without --data scikit-learn's digits are written ten times over.
"""

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path

from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

from digits_core.data.download import download_data
from digits_core.jobs.devices import cpu_count
from digits_core.jobs.runner import LocalRunner
from digits_core.jobs.scheduler import Scheduler
from digits_core.services.datasets import create_dataset
from digits_core.services.jobs import wait
from digits_core.services.workspace import Workspace
from digits_core.settings import Settings


def main() -> None:
    """Both ways in turn, best of ``--repeat``, as one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temp:
        data = arguments.data or sample(Path(temp))
        rates = [(ours(data, Path(temp) / f"jobs{i}"), peer(data)) for i in range(arguments.repeat)]
    best = [max(column) for column in zip(*rates, strict=True)]
    print(json.dumps({"ours_per_s": round(best[0]), "image_folder_per_s": round(best[1]),
                      "ratio": round(best[0] / best[1], 2)}))


def sample(temp: Path, copies: int = 10) -> Path:
    """Scikit-learn's digits, ``copies`` times."""
    download_data("digits", temp / "one")
    folders = [path for path in (temp / "one").rglob("*") if path.is_dir() and any(path.glob("*.png"))]
    for folder in folders:
        for copy in range(copies):
            shutil.copytree(folder, temp / "many" / folder.name / str(copy))
    return temp / "many"


def ours(data: Path, jobs: Path) -> float:
    """Pictures per second of the job from its launch to its end."""
    settings = Settings(jobs_dir=jobs, poll_s=0.05)
    workspace = Workspace.open(settings)
    view = create_dataset(workspace, "bench", "classification", "bench",
                          {"folder": str(data), "width": 28, "height": 28, "channels": "gray"})
    scheduler = Scheduler(workspace.store, settings, LocalRunner())
    view = wait(workspace, view.id, scheduler.tick, 0.05)
    scheduler.close()
    assert view.status == "done" and view.started and view.ended, view.state
    return int(view.folder.manifest()["used"]) / (view.ended - view.started)


def peer(data: Path) -> float:
    """Pictures per second of decoding and resizing alone."""
    shape = transforms.Compose([transforms.Grayscale(), transforms.Resize((28, 28)), transforms.PILToTensor()])
    dataset = ImageFolder(data, shape)
    start = time.perf_counter()
    count = sum(len(labels) for _, labels in DataLoader(dataset, 64, num_workers=cpu_count()))
    return count / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
