"""Pictures a second that the inference process answers: asked one by one, by several at once, many in a request.

    python -m benchmarks.serving [--network resnet18] [--side 224] [--clients 16] [--seconds 10] [--turns 3]

A network with random weights on pictures of noise; short turns one after the other, so that a busy moment hits all
alike. "naive" is one client that sends one picture a call and waits. Ratios are medians over the turns.
"""

import argparse
import concurrent.futures
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from digits_core.infer import client
from digits_core.services import inference, serving
from digits_core.services.workspace import Workspace
from digits_core.settings import Settings
from tests.infer.model_folders import make_model, picture

MANY = 64


def main() -> None:
    """Print one JSON object: pictures a second, ratios to the naive way, and the batches that were calculated."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="lenet")
    parser.add_argument("--side", type=int, default=28)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--turns", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        space = Workspace.open(Settings(jobs_dir=Path(folder) / "jobs"))
        try:
            print(json.dumps(measured(space, asked), indent=1))
        finally:
            client.stop(space.settings)


def measured(space: Workspace, asked: argparse.Namespace) -> dict[str, object]:
    """See ``main``."""
    channels = "gray" if asked.network == "lenet" else "color"
    model = make_model(space.store, network=asked.network, side=asked.side, channels=channels, mean="pixel").id
    files = [(f"{number}.png", picture(number, asked.side)) for number in range(MANY)]
    ways: dict[str, tuple[int, int]] = {"naive": (1, 1), "several clients": (asked.clients, 1), "many": (1, MANY)}

    def one(count: int) -> Callable[[], int]:
        return lambda: len(inference.classify(space, "", model, files[:count]))

    one(1)()
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(asked.turns):
        for name, (clients, count) in ways.items():
            rates[name].append(rate(one(count), clients, asked.seconds))
    loaded, = serving.loaded(space)
    return {"device": loaded["device"], "network": asked.network, "batches": [row[:2] for row in loaded["batches"]],
            "pictures_per_s": {name: round(statistics.median(found), 1) for name, found in rates.items()},
            "ratio": {name: round(statistics.median(a / b for a, b in zip(found, rates["naive"], strict=True)), 2)
                      for name, found in rates.items()}}


def rate(ask: Callable[[], int], clients: int, seconds: float) -> float:
    """Pictures a second with so many clients, each asking again as soon as it has its answer."""
    started = time.perf_counter()

    def asking() -> int:
        total = 0
        while time.perf_counter() - started < seconds:
            total += ask()
        return total

    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        total = sum(one.result() for one in [pool.submit(asking) for _ in range(clients)])
    return total / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
